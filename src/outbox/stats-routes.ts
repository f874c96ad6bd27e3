import { createRoute, z } from '@hono/zod-openapi';
import type { Database } from '../db/client.ts';
import { uuid } from '../events/event.ts';
import { allowAtLocation, type LocationEnv } from '../http/authorize.ts';
import { answers, createRouter, problems } from '../http/router.ts';

/** How a location has been doing: outcomes, latency, backlog, by endpoint and by hour. Tests are left out. */
export function statsRoutes(db: Database) {
  const router = createRouter<LocationEnv>();
  return router.openapi(
    createRoute({ ...stats, middleware: allowAtLocation(db, 'events:read') }),
    async (c) => {
      const { hours } = c.req.valid('query');
      const locationId = c.var.location.id;
      const [hourly, latency, perEndpoint] = await Promise.all([
        countByHour(db, locationId, hours),
        measureLatency(db, locationId, hours),
        countByEndpoint(db, locationId, hours),
      ]);
      const backlog = perEndpoint.reduce((sum, endpoint) => sum + endpoint.backlog, 0);
      return c.json(
        { hours, ...total(hourly), ...latency, backlog, endpoints: perEndpoint, byHour: hourly },
        200,
      );
    },
  );
}

const counts = {
  deliveries: z.int(),
  delivered: z.int(),
  failed: z.int(),
  timedOut: z.int(),
  abandoned: z.int(),
};
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
    endpoints: z.array(z.object({ endpointId: uuid, ...counts, backlog: z.int() })),
    byHour: z.array(z.object({ hour: z.iso.datetime(), ...counts })),
  })
  .openapi('Stats');

/** The longest span of statistics, in hours: 30 days. */
const maxHours = 720;

const stats = {
  method: 'get',
  path: '/v1/locations/{id}/stats',
  summary: 'Outcomes, latency and backlog of a location',
  request: {
    params: z.object({ id: z.string() }),
    query: z.object({
      hours: z.coerce
        .number('must be a number')
        .int('must be a whole number')
        .min(1, 'must be at least 1')
        .max(maxHours, `must be at most ${maxHours}`)
        .default(24),
    }),
  },
  responses: { 200: answers('The statistics', statsSchema), ...problems },
} as const;

type Counts = z.output<z.ZodObject<typeof counts>>;

function total(rows: Counts[]): Counts {
  const sum = { deliveries: 0, delivered: 0, failed: 0, timedOut: 0, abandoned: 0 };
  for (const row of rows) {
    sum.deliveries += row.deliveries;
    sum.delivered += row.delivered;
    sum.failed += row.failed;
    sum.timedOut += row.timedOut;
    sum.abandoned += row.abandoned;
  }
  return sum;
}

const countsInSql = `count(d.id)::int as deliveries,
  (count(*) filter (where d.outcome = 'delivered'))::int as delivered,
  (count(*) filter (where d.outcome = 'failed'))::int as failed,
  (count(*) filter (where d.outcome = 'timed_out'))::int as "timedOut",
  (count(*) filter (where d.outcome = 'abandoned'))::int as abandoned`;

async function countByHour({ $client: sql }: Database, locationId: string, hours: number) {
  const rows = await sql<(Counts & { hour: number })[]>`
    select extract(epoch from h.hour)::float8 as hour, ${sql.unsafe(countsInSql)}
    from generate_series(
      date_trunc('hour', now()) - make_interval(hours => ${hours - 1}), date_trunc('hour', now()), interval '1 hour'
    ) as h(hour)
    left join deliveries d on d.location_id = ${locationId} and not d.test
      and d.created_at >= h.hour and d.created_at < h.hour + interval '1 hour'
    group by h.hour
    order by h.hour`;
  return rows.map(({ hour, ...row }) => ({ hour: new Date(hour * 1000).toISOString(), ...row }));
}

async function measureLatency({ $client: sql }: Database, locationId: string, hours: number) {
  const [row] = await sql<{ percentiles: number[] | null }[]>`
    select percentile_disc(array[0.5, 0.95, 0.99]) within group (order by duration_ms) as percentiles
    from deliveries
    where location_id = ${locationId} and outcome = 'delivered' and not test
      and created_at >= date_trunc('hour', now()) - make_interval(hours => ${hours - 1})`;
  const [p50 = null, p95 = null, p99 = null] = row?.percentiles ?? [];
  return { latencyMs: { p50, p95, p99 } };
}

async function countByEndpoint({ $client: sql }: Database, locationId: string, hours: number) {
  return sql<(Counts & { endpointId: string; backlog: number })[]>`
    select p.id as "endpointId", case when p.enabled then l.last_sequence - p.cursor else 0 end as backlog,
      ${sql.unsafe(countsInSql)}
    from endpoints p
    join locations l on l.id = p.location_id
    left join deliveries d on d.location_id = p.location_id and d.endpoint_id = p.id and not d.test
      and d.created_at >= date_trunc('hour', now()) - make_interval(hours => ${hours - 1})
    where p.location_id = ${locationId} and p.deleted_at is null
    group by p.location_id, p.id, l.last_sequence
    order by p.created_at, p.id`;
}
