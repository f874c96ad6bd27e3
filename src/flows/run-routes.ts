import { createRoute, z } from '@hono/zod-openapi';
import { and, desc, eq, lt } from 'drizzle-orm';
import type { Database } from '../db/client.ts';
import { runStatuses, runs } from '../db/schema.ts';
import { uuid } from '../events/event.ts';
import { audited } from '../http/audit.ts';
import { allowAtLocation, type LocationEnv, locationPath } from '../http/authorize.ts';
import { pageOf, pageQuery, toPage } from '../http/page.ts';
import { Problem } from '../http/problem.ts';
import { answers, createRouter, problems } from '../http/router.ts';
import { flowName } from './flow.ts';
import { findFlowById } from './flows.ts';
import { beginRun, fullRunSchema, inputOf, listedColumns, runSchema, toFullRun, toRun } from './run.ts';
import type { Runner } from './runner.ts';

/** The debugger: what each run of a location's flows did, and running one again. */
export function runRoutes({ db, runner }: { db: Database; runner: Runner }) {
  const router = createRouter<LocationEnv>();
  const mayRead = allowAtLocation(db, 'settings:read');
  const mayWrite = allowAtLocation(db, 'settings:write');

  router.openapi(createRoute({ ...listRuns, ...mayRead }), async (c) => {
    const { limit, cursor, flow, status } = c.req.valid('query');
    const rows = await db
      .select(listedColumns)
      .from(runs)
      .where(
        and(
          eq(runs.locationId, c.var.location.id),
          cursor ? lt(runs.id, cursor) : undefined,
          flow ? eq(runs.flowName, flow) : undefined,
          status ? eq(runs.status, status) : undefined,
        ),
      )
      .orderBy(desc(runs.id))
      .limit(limit + 1);
    const page = toPage(rows, limit, (row) => row.id);
    return c.json({ ...page, items: page.items.map(toRun) }, 200);
  });

  router.openapi(createRoute({ ...readRun, ...mayRead }), async (c) => {
    const row = await findRun(db, c.var.location.id, c.req.valid('param').runId);
    return c.json(toFullRun(row), 200);
  });

  router.openapi(createRoute({ ...rerun, ...mayWrite }), async (c) => {
    const original = await findRun(db, c.var.location.id, c.req.valid('param').runId);
    if (original.endedAt === null) throw new Problem(409, 'This run has not ended yet.');
    const flow = await findFlowById(db, original.flowId);
    if (!flow) throw new Problem(409, 'The flow of this run has been deleted.');
    if (flow.status === 'paused') throw new Problem(409, 'The flow of this run is paused.');
    const again = { input: inputOf(original), chain: [], rerunOf: original.id };
    const run = await audited(db, c.var, async (tx) => {
      const begun = await beginRun(tx, flow, { ...again, source: 'rerun', status: 'queued' });
      const after = toRun(begun.run);
      const { locationId, id: target } = original;
      return [after, { action: 'run.rerun', locationId, target, after }];
    });
    runner.wake();
    return c.json(run, 202);
  });

  return router;
}

const runPath = locationPath.extend({ runId: uuid });

const listRuns = {
  method: 'get',
  path: '/v1/locations/{id}/runs',
  operationId: 'runs.list',
  summary: 'The runs of a location, newest first',
  request: {
    params: locationPath,
    query: pageQuery.extend({
      cursor: uuid.optional(),
      flow: flowName.optional(),
      status: z.enum(runStatuses, `must be one of ${runStatuses.join(', ')}`).optional(),
    }),
  },
  responses: { 200: answers('A page of runs', pageOf(runSchema)) },
} as const;

const readRun = {
  method: 'get',
  path: '/v1/locations/{id}/runs/{runId}',
  operationId: 'runs.get',
  summary: 'One run in full: its input, the result of each step, its response or error',
  request: { params: runPath },
  responses: { 200: answers('The run', fullRunSchema) },
} as const;

const rerun = {
  method: 'post',
  path: '/v1/locations/{id}/runs/{runId}/rerun',
  operationId: 'runs.rerun',
  summary: 'Run the flow once more, as it is now, on the same input',
  request: { params: runPath },
  responses: { 202: answers('The new run', runSchema), ...problems(409) },
} as const;

async function findRun(db: Database, locationId: string, id: string) {
  const [row] = await db
    .select()
    .from(runs)
    .where(and(eq(runs.locationId, locationId), eq(runs.id, id)));
  if (!row) throw new Problem(404, 'There is no run with this id at this location.');
  return row;
}
