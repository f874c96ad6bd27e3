import { z } from '@hono/zod-openapi';
import { getTableColumns } from 'drizzle-orm';
import { deliveries, outcomes, reasons } from '../db/schema.ts';
import { uuid } from '../events/event.ts';

/** How a delivery stands. Only `sending` ever changes. */
export const outcome = z
  .enum(outcomes, `must be one of ${outcomes.join(', ')}`)
  .openapi({ example: 'delivered' });

const time = z.iso.datetime().openapi({ example: '2026-11-22T20:28:00.000Z' });

/** A delivery in a list. */
export const deliverySchema = z
  .object({
    id: uuid,
    endpointId: uuid,
    locationId: z.string(),
    outcome,
    reason: z.enum(reasons).nullable(),
    statusCode: z.int().nullable(),
    durationMs: z
      .int()
      .nullable()
      .openapi({ description: 'From the beginning of the attempt to its outcome' }),
    events: z.int().openapi({ description: 'How many events it carries' }),
    firstSequence: z.int(),
    lastSequence: z.int(),
    startedAt: time.nullable().openapi({ description: 'Null while a resend or test waits for its turn' }),
    endedAt: time.nullable(),
    resendOf: uuid.nullable(),
    test: z.boolean(),
  })
  .openapi('Delivery');

/** A delivery in full: with what was sent, to the byte. */
export const fullDeliverySchema = deliverySchema
  .extend({
    url: z.string(),
    requestHeaders: z
      .record(z.string(), z.string())
      .nullable()
      .openapi({ description: 'As sent, custom values masked; null until the outcome is known' }),
    body: z
      .string()
      .nullable()
      .openapi({ description: 'The exact body; null when its events have left the log' }),
    timings: z.object({
      acceptedAt: time.nullable().openapi({
        description:
          'When its first event was accepted; null for a test, and when its events have left the log',
      }),
      createdAt: time,
      connectedMs: z.int().nullable().openapi({ description: 'Until the connection stood, TLS included' }),
      answeredMs: z.int().nullable().openapi({ description: 'Until the status code was there' }),
    }),
  })
  .openapi('DeliveryInFull');

export type DeliveryRow = typeof deliveries.$inferSelect;
/** The columns of {@link DeliveryRow}, for queries that add to them. */
export const deliveryColumns = getTableColumns(deliveries);

/** A delivery as lists answer it. */
export function toDelivery(row: DeliveryRow): z.input<typeof deliverySchema> {
  const { id, endpointId, locationId, outcome, reason, statusCode, durationMs, events, test } = row;
  return {
    id,
    endpointId,
    locationId,
    outcome,
    reason,
    statusCode,
    durationMs,
    events,
    firstSequence: row.firstSequence,
    lastSequence: row.lastSequence,
    startedAt: row.startedAt?.toISOString() ?? null,
    endedAt: row.endedAt?.toISOString() ?? null,
    resendOf: row.resendOf,
    test,
  };
}
