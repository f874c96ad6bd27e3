import { createRoute, z } from '@hono/zod-openapi';
import type { Database } from '../db/client.ts';
import { reasons } from '../db/schema.ts';
import { uuid } from '../events/event.ts';
import { allowAtLocation, type LocationEnv, locationPath } from '../http/authorize.ts';
import { answers, createRouter } from '../http/router.ts';
import { outcome } from './delivery.ts';
import {
  findFailures,
  hourMs,
  type Latency,
  measureBacklogs,
  measureLatency,
  readEventCounts,
  type Span,
  spanUntilNow,
  type Tally,
  tally,
} from './stats.ts';

/** How a location has been doing: outcomes, latency, backlog, by endpoint and by hour. Tests are left out. */
export function statsRoutes(db: Database) {
  const router = createRouter<LocationEnv>();
  return router.openapi(createRoute({ ...stats, ...allowAtLocation(db, 'events:read') }), async (c) => {
    const { hours } = c.req.valid('query');
    return c.json(await readStats(db, c.var.location.id, hours), 200);
  });
}

const counts = {
  deliveries: z.int(),
  delivered: z.int(),
  failed: z.int(),
  timedOut: z.int(),
  abandoned: z.int(),
};
const hour = z.iso.datetime();
const milliseconds = z.int().nullable();

/** Statistics as they are answered. */
export const statsSchema = z
  .object({
    hours: z.int(),
    ...counts,
    latencyMs: z
      .object({ p50: milliseconds, p95: milliseconds, p99: milliseconds })
      .openapi({ description: 'Of delivered ones, from the beginning of the attempt to the answer' }),
    backlog: z
      .int()
      .openapi({ description: 'Events that endpoints have not been sent yet, over all endpoints' }),
    endpoints: z.array(
      z.object({
        endpointId: uuid,
        ...counts,
        backlog: z.int(),
        byHour: z.array(z.object({ hour, deliveries: z.int(), delivered: z.int() })),
      }),
    ),
    byHour: z.array(
      z.object({ hour, ...counts, latencyMs: z.object({ p50: milliseconds, p95: milliseconds }) }),
    ),
    events: z
      .object({
        accepted: z.int().openapi({ description: 'Events that the location accepted in these hours' }),
        delivered: z.int(),
        failed: z.int(),
        timedOut: z.int(),
        abandoned: z.int(),
      })
      .openapi({ description: 'Events by what became of them, once for each endpoint; without resends' }),
    failures: z
      .array(
        z.object({
          endpointId: uuid,
          outcome: outcome.extract(['failed', 'timed_out', 'abandoned']),
          reason: z.enum(reasons).nullable(),
          statusCode: z.int().nullable(),
          deliveries: z.int(),
          events: z.int(),
        }),
      )
      .openapi({ description: 'What went wrong, most events first; at most 20 kinds' }),
    lastEventAt: z.iso
      .datetime()
      .nullable()
      .openapi({ description: 'When the newest event was accepted, in these hours or before' }),
  })
  .openapi('Stats');

/** The longest span of statistics, in hours: 30 days. */
const maxHours = 720;

const stats = {
  method: 'get',
  path: '/v1/locations/{id}/stats',
  operationId: 'stats.get',
  summary: 'Outcomes, latency and backlog of a location',
  request: {
    params: locationPath,
    query: z.object({
      hours: z.coerce
        .number('must be a number')
        .int('must be a whole number')
        .min(1, 'must be at least 1')
        .max(maxHours, `must be at most ${maxHours}`)
        .default(24),
    }),
  },
  responses: { 200: answers('The statistics', statsSchema) },
} as const;

async function readStats(db: Database, locationId: string, hours: number): Promise<Stats> {
  const span = spanUntilNow(locationId, hours);
  const [tallies, latencies, failures, events, backlogs] = await Promise.all([
    tally(db, span),
    measureLatency(db, span),
    findFailures(db, span),
    readEventCounts(db, span),
    measureBacklogs(db, locationId),
  ]);
  const { byHour, ...all } = summarize(tallies, span);
  return {
    hours,
    ...all,
    latencyMs: percentilesOf(null, latencies),
    backlog: backlogs.reduce((sum, endpoint) => sum + endpoint.backlog, 0),
    endpoints: backlogs.map(({ endpointId, backlog }) => {
      const own = tallies.filter((one) => one.endpointId === endpointId);
      return { endpointId, ...summarize(own, span), backlog };
    }),
    byHour: byHour.map((counts, hour) => {
      const { p50, p95 } = percentilesOf(hour, latencies);
      return { ...counts, latencyMs: { p50, p95 } };
    }),
    events: { accepted: events.accepted, ...countEvents(tallies) },
    failures,
    lastEventAt: events.lastEventAt,
  };
}

type Stats = z.input<typeof statsSchema>;
type Counts = z.output<z.ZodObject<typeof counts>>;

const memberOf = {
  sending: null,
  delivered: 'delivered',
  failed: 'failed',
  timed_out: 'timedOut',
  abandoned: 'abandoned',
} as const;
const noCounts = () => ({ deliveries: 0, delivered: 0, failed: 0, timedOut: 0, abandoned: 0 });

/** Counts deliveries in all and by hour, hours without any included. */
function summarize(tallies: Tally[], { from, hours }: Span) {
  const all: Counts = noCounts();
  const byHour = Array.from({ length: hours }, (_, n) => ({
    hour: new Date(from.getTime() + n * hourMs).toISOString(),
    ...noCounts(),
  }));
  for (const { hour, outcome, deliveries } of tallies) {
    const member = memberOf[outcome];
    for (const sum of [all, byHour[hour]]) {
      if (!sum) continue;
      sum.deliveries += deliveries;
      if (member) sum[member] += deliveries;
    }
  }
  return { ...all, byHour };
}

function countEvents(tallies: Tally[]) {
  const { deliveries: _, ...sum } = noCounts();
  for (const { outcome, events } of tallies) {
    const member = memberOf[outcome];
    if (member) sum[member] += events;
  }
  return sum;
}

function percentilesOf(hour: number | null, latencies: Latency[]) {
  const [p50 = null, p95 = null, p99 = null] =
    latencies.find((latency) => latency.hour === hour)?.percentiles ?? [];
  return { p50, p95, p99 };
}
