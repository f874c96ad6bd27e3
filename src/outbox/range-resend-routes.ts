import { createRoute, z } from '@hono/zod-openapi';
import { v7 as uuidv7 } from 'uuid';
import type { Database } from '../db/client.ts';
import { outcomes } from '../db/schema.ts';
import { uuid } from '../events/event.ts';
import { audited } from '../http/audit.ts';
import { allowAtLocation, type LocationEnv, locationPath } from '../http/authorize.ts';
import { Problem } from '../http/problem.ts';
import { answers, createRouter, takes } from '../http/router.ts';
import { outcome } from './delivery.ts';
import { timeRange } from './delivery-log.ts';
import { endpointPath, unknownEndpoint } from './resend-routes.ts';
import { about, dropWaiting, findEndpoint, findOriginals, insertResends, readResends } from './resends.ts';

/** The most deliveries that one request resends. */
const maxResends = 10_000;

/** The resend of a range of time: tried dry, begun, watched, and broken off. */
export function rangeResendRoutes(db: Database, wake: (locationIds: string[]) => void) {
  const mayWrite = allowAtLocation(db, 'settings:write');
  const mayRead = allowAtLocation(db, 'events:read');
  const router = createRouter<LocationEnv>();

  router.openapi(createRoute({ ...resendRange, ...mayWrite }), async (c) => {
    const { location } = c.var;
    const { dryRun, ...range } = c.req.valid('json');
    const endpoint = await findEndpoint(db, location.id, c.req.valid('param').endpointId);
    if (!endpoint) throw unknownEndpoint();
    const originals = await findOriginals(db, endpoint, range, maxResends + 1);
    if (originals.length > maxResends)
      throw new Problem(422, `The range holds more than ${maxResends} deliveries: choose a shorter one.`);
    const originalIds = originals.map((original) => original.id);
    if (dryRun) {
      const events = originals.reduce((sum, original) => sum + original.events, 0);
      return c.json({ resends: originalIds.length, events }, 200);
    }
    const id = uuidv7();
    const resends = await audited(db, c.var, async (tx) => {
      const { length } = await insertResends(tx, endpoint, originalIds, id);
      return [
        length,
        { action: 'deliveries.resent', ...about(endpoint), after: { id, ...range, resends: length } },
      ];
    });
    wake([location.id]);
    return c.json({ id: resends > 0 ? id : null, resends }, 202);
  });

  router.openapi(createRoute({ ...read, ...mayRead }), async (c) => {
    const { resendId: id } = c.req.valid('param');
    const found = await readResends(db, c.var.location.id, id);
    if (!found) throw unknownResends();
    const { startedAtSeconds, endedAtSeconds, ...resends } = found;
    const times = { startedAt: toTime(startedAtSeconds), endedAt: toTime(endedAtSeconds) };
    return c.json({ id, ...resends, ...times }, 200);
  });

  router.openapi(createRoute({ ...drop, ...mayWrite }), async (c) => {
    const { id: locationId } = c.var.location;
    const { resendId: target } = c.req.valid('param');
    const dropped = await audited(db, c.var, async (tx) => {
      const count = await dropWaiting(tx, locationId, target);
      if (count === null) throw unknownResends();
      return [count, { action: 'deliveries.dropped', locationId, target, after: { dropped: count } }];
    });
    return c.json({ dropped }, 200);
  });

  return router;
}

/** Outcomes in a list, repeated ones included. */
const maxOutcomes = 100;

const ended = outcomes.filter((one) => one !== 'sending');

const rangeSchema = z.object({
  from: timeRange.from.unwrap(),
  to: timeRange.to.unwrap(),
  outcomes: z
    .array(outcome.exclude(['sending'], `must be one of ${ended.join(', ')}`))
    .min(1, 'must name at least one outcome')
    .max(maxOutcomes, `must name at most ${maxOutcomes} outcomes`)
    .optional(),
  dryRun: z
    .boolean('must be true or false')
    .default(false)
    .openapi({ description: 'Only tell what would be resent' }),
});

const resendRange = {
  method: 'post',
  path: '/v1/locations/{id}/endpoints/{endpointId}/resend',
  operationId: 'endpoints.resend',
  summary: 'Resend the deliveries that began in a range of time, oldest first',
  description: `Tests and resends of the range are left out; without \`outcomes\`, every ended delivery is resent. At most ${maxResends} at once.`,
  request: { params: endpointPath, ...takes(rangeSchema) },
  responses: {
    200: answers(
      'With `dryRun`: what would be resent; nothing was stored',
      z.object({ resends: z.int(), events: z.int() }),
    ),
    202: answers(
      'How many resends wait for their turn now, and the id to watch them by; null when there are none',
      z.object({ id: uuid.nullable(), resends: z.int() }),
    ),
  },
} as const;

const path = locationPath.extend({ resendId: uuid });
const time = z.iso.datetime().nullable();

/** How the resends of a range stand. */
export const resendsSchema = z
  .object({
    id: uuid,
    endpointId: uuid,
    resends: z.int(),
    events: z.int(),
    waiting: z.int().openapi({ description: 'Resends that nobody has begun to send' }),
    sending: z.int(),
    delivered: z.int(),
    failed: z.int(),
    timedOut: z.int(),
    abandoned: z.int(),
    startedAt: time.openapi({ description: 'When the first of them began; null while all wait' }),
    endedAt: time.openapi({ description: 'When the last of them ended; null until all have' }),
  })
  .openapi('Resends');

const read = {
  method: 'get',
  path: '/v1/locations/{id}/resends/{resendId}',
  operationId: 'resends.get',
  summary: 'How the resends of a range stand',
  request: { params: path },
  responses: { 200: answers('The resends by outcome', resendsSchema) },
} as const;

const drop = {
  method: 'delete',
  path: '/v1/locations/{id}/resends/{resendId}',
  operationId: 'resends.drop',
  summary: 'Drop the resends of a range that still wait for their turn',
  description: 'What has begun goes on, and stays on record.',
  request: { params: path },
  responses: { 200: answers('How many were dropped', z.object({ dropped: z.int() })) },
} as const;

function unknownResends(): Problem {
  return new Problem(404, 'There are no resends of a range with this id at this location.');
}

function toTime(seconds: number | null): string | null {
  return seconds === null ? null : new Date(seconds * 1000).toISOString();
}
