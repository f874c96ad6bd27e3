import { type Context, Hono } from 'hono';
import { z } from '@hono/zod-openapi';
import { appWebhookSchema } from '../../flows/app-webhook-routes.ts';
import { flowName, flowSchema } from '../../flows/flow.ts';
import { fullRunSchema } from '../../flows/run.ts';
import { pageOf } from '../../http/page.ts';
import { locationSchema } from '../../settings/location.ts';
import { webhookSchema } from '../../webhooks/registration.ts';
import { answerPage, leadOn, leadToSecret } from '../answer.tsx';
import type { ListedAppWebhook } from './app-webhooks.tsx';
import {
  addExample,
  emptyFlowForm,
  type FlowForm,
  readFlowForm,
  stepIntents,
  toFlowBody,
} from './flow-form.ts';
import { FlowPage, type FlowState } from './flow-page.tsx';
import { FlowsPage, NewFlowPage } from './flows-page.tsx';
import { type FormValues, readForm } from '../forms/form-values.ts';
import { apiPath, originOf } from '../location-api.ts';
import { pathOfTab } from '../location-page.tsx';
import { isThere, refuseNew } from '../forms/new-name.ts';
import { readRuns } from './run-routes.tsx';
import { sampleOfRun } from './template-form.ts';
import type { PageEnv } from '../view.ts';

/** The tab of a location's flows: what outside services run by calling a URL. */
export function flowRoutes(publicUrl: string | undefined) {
  const router = new Hono<PageEnv>();
  const show: Show = async (c, shown) => showFlow(c, originOf(c, publicUrl), shown);
  router.get('/flows', (c) => showList(c, originOf(c, publicUrl)));
  router.get('/new-flow', (c) =>
    answerPage(c, <NewFlowPage location={c.var.location} form={emptyFlowForm} />),
  );
  router.post('/new-flow', make);
  router.get('/flows/:name', (c) => show(c, {}));
  router.post('/flows/:name', (c) => save(c, show));
  router.post('/flows/:name/status', (c) => changeStatus(c, show));
  router.post('/flows/:name/rotate', (c) => rotate(c, show));
  router.post('/flows/:name/delete', async (c) => {
    const { refusal } = await c.var.api.send('DELETE', flowPath(c), undefined, z.null());
    if (refusal) return show(c, { refusal });
    return leadOn(c, tabOf(c), `${nameOf(c)} was deleted. Its runs stay on record.`);
  });
  router.post('/app-webhooks/:uuid/delete', async (c) => {
    const path = apiPath(c, `/app-webhooks/${encodeURIComponent(c.req.param('uuid'))}`);
    await c.var.api.open(path, { method: 'DELETE' });
    return leadOn(c, tabOf(c), 'The app webhook was deleted.');
  });
  return router;
}

type Shown = Pick<FlowState, 'form' | 'refusal'>;
type Show = (c: Context<PageEnv>, shown: Shown) => Promise<Response>;

/** Flows of a page of the list: each is looked up with its newest run. */
const listed = 25;
/** Newest runs on the page of a flow. */
const newest = 5;

async function showList(c: Context<PageEnv>, origin: string) {
  const cursor = c.req.query('cursor');
  const query = new URLSearchParams({ limit: String(listed), ...(cursor && { cursor }) });
  const [page, appWebhooks] = await Promise.all([
    c.var.api.get(apiPath(c, `/flows?${query.toString()}`), pageOf(flowSchema)),
    readAppWebhooks(c, origin, ''),
  ]);
  const items = await Promise.all(
    page.items.map(async (flow) => {
      const [last = null] = (await readRuns(c, { flow: flow.name, limit: '1' })).items;
      return { flow, last };
    }),
  );
  const { location } = c.var;
  return answerPage(c, <FlowsPage {...{ location, items, nextCursor: page.nextCursor, appWebhooks }} />);
}

async function showFlow(c: Context<PageEnv>, origin: string, shown: Shown) {
  const [flow, { items: runs }, appWebhooks] = await Promise.all([
    c.var.api.get(flowPath(c), flowSchema),
    readRuns(c, { flow: nameOf(c), limit: String(newest) }),
    readAppWebhooks(c, origin, nameOf(c)),
  ]);
  const lastEnded = runs.find(({ endedAt }) => endedAt !== null);
  const last = lastEnded && (await c.var.api.get(apiPath(c, `/runs/${lastEnded.id}`), fullRunSchema));
  const sample = sampleOfRun(flow, last);
  const page = (
    <FlowPage {...{ location: c.var.location, origin, flow, runs, appWebhooks, sample, ...shown }} />
  );
  return answerPage(c, page, shown.refusal ? 422 : 200);
}

/** Those of the flow with a name, or of all flows. */
async function readAppWebhooks(
  c: Context<PageEnv>,
  origin: string,
  action: string,
): Promise<ListedAppWebhook[]> {
  const query = new URLSearchParams({ limit: '100', ...(action && { action }) });
  const [{ uuid }, { items }] = await Promise.all([
    c.var.api.get(apiPath(c, ''), locationSchema),
    c.var.api.get(apiPath(c, `/app-webhooks?${query.toString()}`), pageOf(appWebhookSchema)),
  ]);
  return items.map((webhook) => ({ ...webhook, url: `${origin}/apps/${uuid}/webhooks/${webhook.uuid}` }));
}

async function make(c: Context<PageEnv>) {
  const values = await readForm(c);
  const { form, isComplete } = await readTyped(c, values);
  const { location } = c.var;
  if (!isComplete) return answerPage(c, <NewFlowPage location={location} form={form} />);
  const mistaken = refuseNew(flowName, form.name, await isThere(c, flowPath(c, form.name)));
  const { value, refusal } = mistaken
    ? { value: null, refusal: mistaken }
    : await put(c, flowPath(c, form.name), form);
  if (!value) return answerPage(c, <NewFlowPage location={location} form={form} refusal={refusal} />, 422);
  const path = `${tabOf(c)}/${value.name}`;
  if (value.token === undefined) return leadOn(c, path, 'The flow was made.');
  return leadToSecret(c, path, tokenOf(value.token, value.name));
}

async function save(c: Context<PageEnv>, show: Show) {
  const { form, isComplete } = await readTyped(c, await readForm(c));
  if (!isComplete) return show(c, { form });
  const { refusal } = await put(c, flowPath(c), form);
  if (refusal) return show(c, { form, refusal });
  return leadOn(c, `${tabOf(c)}/${nameOf(c)}`, 'The flow was saved.');
}

/** What was typed; not complete where a button only put an example into it. */
async function readTyped(c: Context<PageEnv>, values: FormValues) {
  const form = readFlowForm(values);
  const intent = stepIntents.find((name) => name === values.one('intent'));
  if (!intent) return { form, isComplete: true };
  const { items } = await c.var.api.get(apiPath(c, '/webhooks?limit=1'), pageOf(webhookSchema));
  return { form: addExample(form, intent, items[0]?.id), isComplete: false };
}

const stored = flowSchema.extend({ token: z.string().optional() });

async function put(c: Context<PageEnv>, path: string, form: FlowForm) {
  const read = toFlowBody(form);
  if (read.ok) return c.var.api.send('PUT', path, read.body, stored);
  return { value: null, refusal: { status: 422, detail: '', errors: read.mistakes } };
}

async function changeStatus(c: Context<PageEnv>, show: Show) {
  const status = (await readForm(c)).one('status');
  const { refusal } = await c.var.api.send('PATCH', flowPath(c), { status }, flowSchema);
  if (refusal) return show(c, { refusal });
  const done = status === 'paused' ? 'The flow is paused: its URLs run nothing.' : 'The flow runs again.';
  return leadOn(c, `${tabOf(c)}/${nameOf(c)}`, done);
}

async function rotate(c: Context<PageEnv>, show: Show) {
  const overlapHours = Number((await readForm(c)).one('overlapHours'));
  const { value, refusal } = await c.var.api.send(
    'POST',
    `${flowPath(c)}/rotate-token`,
    { overlapHours },
    flowSchema.extend({ token: z.string() }),
  );
  if (refusal) return show(c, { refusal });
  return leadToSecret(c, `${tabOf(c)}/${nameOf(c)}`, tokenOf(value.token, value.name));
}

function tokenOf(secret: string, name: string) {
  const note = 'Give it to the service that is to run the flow, with the URL: it is sent as a bearer token.';
  return { title: `The token of ${name}`, secret, note };
}

function nameOf(c: Context<PageEnv>): string {
  return c.req.param('name') ?? '';
}

function flowPath(c: Context<PageEnv>, name = nameOf(c)): string {
  return apiPath(c, `/flows/${encodeURIComponent(name)}`);
}

function tabOf(c: Context<PageEnv>): string {
  return pathOfTab(c.var.location.id, 'flows');
}
