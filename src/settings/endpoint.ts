import { z } from '@hono/zod-openapi';
import { actions, type endpoints } from '../db/schema.ts';
import { action, uuid } from '../events/event.ts';
import { headerNameSchema, headerValueSchema, mask, namesHeaderTwice } from '../http/custom-headers.ts';
import { text } from '../http/text.ts';
import { failingStepOf, failingSteps } from '../outbox/failing.ts';

/** Headers that every POST to an endpoint has already. */
const ownHeaders = ['content-type', 'user-agent'];

const headerName = headerNameSchema.refine(
  (name) => !ownHeaders.includes(name.toLowerCase()),
  'is a header that Bellhop sets itself',
);

const maxHeaders = 20;

const customHeaders = z
  .record(z.string(), z.unknown(), 'must be an object of header names and values')
  // Counted first: a body has room for more mistakes than anybody should look for.
  .refine((headers) => Object.keys(headers).length <= maxHeaders, `must hold at most ${maxHeaders} headers`)
  .pipe(z.record(headerName, headerValueSchema))
  .refine((headers) => !namesHeaderTwice(headers), 'must not name a header twice in different cases')
  .openapi({
    example: { 'x-api-key': '5f2b…' },
    description: `A value of ${mask} keeps the one that is stored`,
  });

/** Actions in a list, repeated ones included. */
const maxActions = 100;

const settings = {
  url: text(1, 2048).openapi({ example: 'https://booking.example.com/hooks/vr' }),
  description: text(0, 500),
  actions: z
    .array(action, 'must be a list')
    .min(1, 'must name create, delete or both')
    .max(maxActions, 'must name create, delete or both')
    .transform((list) => actions.filter((name) => list.includes(name)))
    .nullable()
    .openapi({ description: 'Which events it is sent; null: all' }),
  enabled: z.boolean('must be true or false'),
  headers: customHeaders,
};

/** An endpoint as it is made. */
export const newEndpointSchema = z
  .object({
    url: settings.url,
    description: settings.description.default(''),
    actions: settings.actions.default(null),
    enabled: settings.enabled.default(true),
    headers: settings.headers.default({}),
  })
  .openapi('NewEndpoint');

/** What changes at an endpoint. */
export const endpointChangeSchema = z.object(settings).partial().openapi('EndpointChange');

/** An endpoint as it is answered. */
export const endpointSchema = z
  .object({
    id: uuid,
    url: z.string(),
    description: z.string(),
    actions: z.array(action),
    enabled: z.boolean(),
    disabledReason: z
      .string()
      .nullable()
      .openapi({ description: 'Why Bellhop itself disabled it; null: it did not' }),
    headers: z.record(z.string(), z.string()).openapi({ description: 'Values are masked' }),
    secretHint: z.string().openapi({ example: '…KQWE=' }),
    health: z.object({
      state: z.enum(['new', 'healthy', 'failing', 'paused']),
      lastDeliveredAt: z.iso.datetime().nullable(),
      lastFailedAt: z.iso.datetime().nullable(),
      failuresInARow: z.int(),
      failingSince: z.iso.datetime().nullable().openapi({
        description: 'The first failure since the last success, or since it was enabled; null: none',
      }),
      step: z
        .enum(failingSteps.map(({ step }) => step))
        .nullable()
        .openapi({ description: 'How far its failing has come; null: not so far that it is told' }),
    }),
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
  })
  .openapi('Endpoint');

export type EndpointRow = typeof endpoints.$inferSelect;
export type NewEndpoint = z.output<typeof newEndpointSchema>;
export type EndpointChange = z.output<typeof endpointChangeSchema>;

/** An endpoint as it is answered: secrets and header values never leave. */
export function toEndpoint(row: EndpointRow): z.input<typeof endpointSchema> {
  const { id, url, description, enabled, disabledReason, secretHint, failuresInARow } = row;
  return {
    id,
    url,
    description,
    actions: row.actions ?? [...actions],
    enabled,
    disabledReason,
    headers: Object.fromEntries(Object.keys(row.headers).map((name) => [name, mask])),
    secretHint,
    health: {
      state: healthOf(row),
      lastDeliveredAt: row.lastDeliveredAt?.toISOString() ?? null,
      lastFailedAt: row.lastFailedAt?.toISOString() ?? null,
      failuresInARow,
      failingSince: row.failingSince?.toISOString() ?? null,
      step: failingStepOf(row),
    },
    createdAt: row.createdAt.toISOString(),
    updatedAt: row.updatedAt.toISOString(),
  };
}

function healthOf({ enabled, failuresInARow, lastDeliveredAt }: EndpointRow) {
  if (!enabled) return 'paused';
  if (failuresInARow > 0) return 'failing';
  return lastDeliveredAt ? 'healthy' : 'new';
}
