import { z } from '@hono/zod-openapi';
import { type notices, outcomes, reasons } from '../db/schema.ts';
import { uuid } from '../events/event.ts';
import { failingSteps } from '../outbox/failing.ts';

const time = z.iso.datetime().openapi({ example: '2026-11-22T20:28:00.000Z' });
const reason = z.enum(reasons).nullable();
const steps = failingSteps.map(({ step }) => step);

/** A notice as the operator's endpoint is sent it. */
export const noticeMessageSchema = z
  .object({
    type: z.enum(['endpoint.failing', 'endpoint.disabled', 'endpoint.recovered']),
    timestamp: time.openapi({ description: 'When it was raised' }),
    data: z.object({
      locationId: z.string(),
      location: z.string().openapi({ description: 'Its title' }),
      endpointId: uuid,
      host: z
        .string()
        .openapi({ example: 'booking.example.com', description: 'Of its URL, whose path may hold a secret' }),
      description: z.string(),
      step: z
        .enum(steps)
        .nullable()
        .openapi({ description: 'How far its failing has come; null: disabled or recovered' }),
      failingSince: time.openapi({ description: 'Its first failure without a success since' }),
      failuresInARow: z.int(),
      lastReason: reason,
      lastStatusCode: z.int().nullable(),
    }),
  })
  .openapi('NoticeMessage');

/** A notice as the API answers it. */
export const noticeSchema = noticeMessageSchema
  .extend({
    id: uuid.openapi({ description: 'The `webhook-id` of its message' }),
    sent: z
      .object({
        outcome: z.enum(outcomes),
        reason,
        statusCode: z.int().nullable(),
        startedAt: time.nullable(),
        endedAt: time.nullable(),
      })
      .nullable()
      .openapi({ description: "How sending it to the operator's endpoint went; null: it was not sent" }),
  })
  .openapi('Notice');

export type NoticeRow = typeof notices.$inferSelect;

/** A notice as the operator's endpoint is sent it. */
export function toMessage(row: NoticeRow): z.output<typeof noticeMessageSchema> {
  const { locationId, endpointId, host, description, step } = row;
  const { failuresInARow, lastReason, lastStatusCode } = row;
  const isFailing = step !== 'disabled' && step !== 'recovered';
  return {
    type: isFailing ? 'endpoint.failing' : `endpoint.${step}`,
    timestamp: row.createdAt.toISOString(),
    data: {
      locationId,
      location: row.title,
      endpointId,
      host,
      description,
      step: isFailing ? step : null,
      failingSince: row.failingSince.toISOString(),
      failuresInARow,
      lastReason,
      lastStatusCode,
    },
  };
}

/** A notice as the API answers it. */
export function toNotice(row: NoticeRow): z.output<typeof noticeSchema> {
  const { id, outcome, reason, statusCode, startedAt, endedAt } = row;
  const times = { startedAt: startedAt?.toISOString() ?? null, endedAt: endedAt?.toISOString() ?? null };
  return { id, ...toMessage(row), sent: outcome && { outcome, reason, statusCode, ...times } };
}
