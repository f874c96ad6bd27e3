import { type Context, Hono } from 'hono';
import { pageOf } from '../../http/page.ts';
import { fullRunSchema, runSchema } from '../../flows/run.ts';
import type { Refusal } from '../api.ts';
import { answerPage, answerPart, leadOn, wantsPart } from '../answer.tsx';
import { apiPath } from '../location-api.ts';
import { RunInFull, RunPage } from './run-page.tsx';
import { RunsPage } from './runs-page.tsx';
import type { PageEnv } from '../view.ts';

/** The debugger of flows: their runs, one in full, and running one again. */
export function runRoutes() {
  const router = new Hono<PageEnv>();

  router.get('/runs', async (c) => {
    const { flow = '', status = '', cursor } = c.req.query();
    const query = {
      limit: '50',
      ...(flow && { flow }),
      ...(status && { status }),
      ...(cursor && { cursor }),
    };
    const { items, nextCursor } = await readRuns(c, query);
    const list = { filter: { flow, status }, runs: items, nextCursor, isFirst: cursor === undefined };
    return answerPage(c, <RunsPage location={c.var.location} {...list} />);
  });

  router.get('/runs/:runId', (c) => showRun(c));

  router.post('/runs/:runId/rerun', async (c) => {
    const { value, refusal } = await c.var.api.send('POST', `${runPath(c)}/rerun`, undefined, runSchema);
    if (refusal) return showRun(c, refusal);
    return leadOn(c, `/locations/${c.var.location.id}/runs/${value.id}`, 'The flow runs again.');
  });

  return router;
}

/** Runs of a location. @example readRuns(c, { flow: 'book-session', limit: '1' }); */
export function readRuns(c: Context<PageEnv>, query: Record<string, string>) {
  return c.var.api.get(apiPath(c, `/runs?${new URLSearchParams(query).toString()}`), pageOf(runSchema));
}

async function showRun(c: Context<PageEnv>, refusal: Refusal | null = null) {
  const run = await c.var.api.get(runPath(c), fullRunSchema);
  const { location } = c.var;
  if (wantsPart(c)) return answerPart(c, <RunInFull location={location} run={run} />);
  return answerPage(c, <RunPage {...{ location, run, refusal }} />, refusal ? 422 : 200);
}

function runPath(c: Context<PageEnv>): string {
  return apiPath(c, `/runs/${encodeURIComponent(c.req.param('runId') ?? '')}`);
}
