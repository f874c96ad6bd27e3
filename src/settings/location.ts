import { z } from '@hono/zod-openapi';
import { locationId } from '../events/event.ts';
import type { Location } from '../http/authorize.ts';
import { text } from '../http/text.ts';

/** Characters: long enough for any venue's name, short enough for batches of 100. */
export const maxTitleLength = 500;

/** What people call a location. */
const title = text(1, maxTitleLength).openapi({ example: 'Kamen Test' });

/** Hours of failing that a location may choose: an hour to 30 days. */
const maxFailingHours = 720;

/** What people choose for a location. */
export const locationSettingsSchema = z.object({
  title,
  disableFailingAfterHours: z
    .int('must be a whole number or null')
    .min(1, 'must be at least 1')
    .max(maxFailingHours, `must be at most ${maxFailingHours}`)
    .nullable()
    .optional()
    .openapi({
      description:
        'An endpoint that fails for so many hours without a success is disabled; null: never, as at first. Left out, it stays as it is',
    }),
});

export type LocationSettings = z.output<typeof locationSettingsSchema>;

/** A location as it is answered. */
export const locationSchema = z
  .object({
    id: locationId,
    uuid: z.guid(),
    title,
    disableFailingAfterHours: z.int().nullable(),
    lastSequence: z.int().openapi({ description: 'The sequence of its newest event' }),
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
  })
  .openapi('Location');

/** A location in a list. */
export const listedLocationSchema = locationSchema
  .extend({
    stats: z
      .object({
        endpoints: z.int(),
        failing: z.int().openapi({ description: 'Endpoints whose last delivery did not arrive' }),
        failingSince: z.iso.datetime().nullable().openapi({
          description: 'Since when the one of them fails that fails for longest; null: none does',
        }),
        disabled: z.int().openapi({ description: 'Endpoints that were disabled because they kept failing' }),
        backlog: z.int().openapi({ description: 'Events not sent yet, over all endpoints' }),
        lastEventAt: z.iso.datetime().nullable(),
        deliveries: z.int(),
        delivered: z.int(),
      })
      .optional()
      .openapi({
        description: 'With `withStats`: deliveries are those that ended in the last 24 hours, without tests',
      }),
  })
  .openapi('ListedLocation');

/** A location as it is answered. */
export function toLocation({
  id,
  uuid,
  title,
  disableFailingAfterHours,
  lastSequence,
  createdAt,
  updatedAt,
}: Location): z.input<typeof locationSchema> {
  return {
    id,
    uuid,
    title,
    disableFailingAfterHours,
    lastSequence,
    createdAt: createdAt.toISOString(),
    updatedAt: updatedAt.toISOString(),
  };
}
