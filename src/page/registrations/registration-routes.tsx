import { type Context, Hono } from 'hono';
import { z } from '@hono/zod-openapi';
import { pageOf } from '../../http/page.ts';
import { fullInvocationSchema, invocationSchema } from '../../webhooks/invocation.ts';
import { triggerAnswerSchema } from '../../webhooks/invocation-routes.ts';
import { webhookId, webhookSchema } from '../../webhooks/registration.ts';
import { answerPage, answerPart, leadOn, leadToSecret, wantsPart } from '../answer.tsx';
import { readForm } from '../forms/form-values.ts';
import { InvocationPage, InvocationsPage } from './invocations-page.tsx';
import { apiPath, originOf } from '../location-api.ts';
import { pathOfTab } from '../location-page.tsx';
import { isThere, refuseNew } from '../forms/new-name.ts';
import {
  emptyRegistrationForm,
  readRegistrationForm,
  type RegistrationForm,
  toRegistrationBody,
} from './registration-form.ts';
import { RegistrationPage, type RegistrationState } from './registration-page.tsx';
import { NewRegistrationPage, RegistrationsPage } from './registrations-page.tsx';
import { Trial, type TrialState } from './trial.tsx';
import { readTrialForm, toTrigger } from './trial-form.ts';
import type { PageEnv } from '../view.ts';

/** The tab of a location's registered webhooks: third parties that apps trigger by id. */
export function registrationRoutes(publicUrl: string | undefined) {
  const router = new Hono<PageEnv>();
  router.get('/registered-webhooks', showList);
  router.get('/new-registered-webhook', (c) =>
    answerPage(c, <NewRegistrationPage location={c.var.location} form={emptyRegistrationForm} />),
  );
  router.post('/new-registered-webhook', register);
  router.get('/registered-webhooks/:webhookId/invocations', showInvocations);
  router.get('/invocations/:referenceId', async (c) => {
    const path = apiPath(c, `/invocations/${encodeURIComponent(c.req.param('referenceId'))}`);
    const invocation = await c.var.api.get(path, fullInvocationSchema);
    return answerPage(c, <InvocationPage location={c.var.location} invocation={invocation} />);
  });
  const show: Show = async (c, shown) => showWebhook(c, originOf(c, publicUrl), shown);
  router.get('/registered-webhooks/:webhookId', (c) => show(c, {}));
  router.post('/registered-webhooks/:webhookId', (c) => save(c, show));
  router.post('/registered-webhooks/:webhookId/try', (c) => tryOut(c, show));
  router.post('/registered-webhooks/:webhookId/delete', async (c) => {
    const { refusal } = await c.var.api.send('DELETE', webhookPath(c), undefined, z.null());
    if (refusal) return show(c, { refusal });
    return leadOn(c, tabOf(c), `${idOf(c)} was deleted. Its invocations stay on record.`);
  });
  return router;
}

type Shown = Omit<RegistrationState, 'location' | 'origin' | 'webhook' | 'invocations'>;
type Show = (c: Context<PageEnv>, shown: Shown) => Promise<Response>;

/** Webhooks of a page of the list: each is looked up with its newest invocation. */
const listed = 25;
/** Newest invocations on the page of a webhook. */
const newest = 5;

async function showList(c: Context<PageEnv>) {
  const cursor = c.req.query('cursor');
  const page = await c.var.api.get(
    apiPath(
      c,
      `/webhooks?${new URLSearchParams({ limit: String(listed), ...(cursor && { cursor }) }).toString()}`,
    ),
    pageOf(webhookSchema),
  );
  const items = await Promise.all(
    page.items.map(async (webhook) => {
      const [last = null] = (await readInvocations(c, webhook.id, 1)).items;
      return { webhook, last };
    }),
  );
  const { location } = c.var;
  return answerPage(c, <RegistrationsPage {...{ location, items, nextCursor: page.nextCursor }} />);
}

async function showInvocations(c: Context<PageEnv>) {
  const cursor = c.req.query('cursor');
  const { items, nextCursor } = await readInvocations(c, idOf(c), 50, cursor);
  const list = { invocations: items, nextCursor, isFirst: cursor === undefined };
  return answerPage(c, <InvocationsPage location={c.var.location} webhookId={idOf(c)} {...list} />);
}

async function showWebhook(c: Context<PageEnv>, origin: string, shown: Shown) {
  const [webhook, { items: invocations }] = await Promise.all([
    c.var.api.get(webhookPath(c), webhookSchema),
    readInvocations(c, idOf(c), newest),
  ]);
  const page = <RegistrationPage {...{ location: c.var.location, origin, webhook, invocations, ...shown }} />;
  return answerPage(c, page, (shown.refusal ?? shown.trial?.refusal) ? 422 : 200);
}

async function register(c: Context<PageEnv>) {
  const values = await readForm(c);
  const form = readRegistrationForm(values);
  const { location } = c.var;
  if (values.one('intent') === 'addHeader')
    return answerPage(c, <NewRegistrationPage location={location} form={form} hasNewHeader />);
  const mistaken = refuseNew(webhookId, form.id, await isThere(c, webhookPath(c, form.id)));
  const { value, refusal } = mistaken
    ? { value: null, refusal: mistaken }
    : await put(c, webhookPath(c, form.id), form);
  if (!value)
    return answerPage(c, <NewRegistrationPage location={location} form={form} refusal={refusal} />, 422);
  return leadToWebhook(c, value, 'The webhook was registered.');
}

async function save(c: Context<PageEnv>, show: Show) {
  const values = await readForm(c);
  const form = readRegistrationForm(values);
  if (values.one('intent') === 'addHeader') return show(c, { form, hasNewHeader: true });
  const { value, refusal } = await put(c, webhookPath(c), form);
  if (!value) return show(c, { form, refusal });
  return leadToWebhook(c, value, 'The webhook was saved.');
}

const stored = webhookSchema.extend({ secret: z.string().optional() });

async function put(c: Context<PageEnv>, path: string, form: RegistrationForm) {
  const read = toRegistrationBody(form);
  if (read.ok) return c.var.api.send('PUT', path, read.body, stored);
  return { value: null, refusal: { status: 422, detail: '', errors: read.mistakes } };
}

function leadToWebhook(c: Context<PageEnv>, { id, secret }: z.output<typeof stored>, done: string) {
  const path = `${tabOf(c)}/${id}`;
  if (secret === undefined) return leadOn(c, path, done);
  const note = 'Give it to the third party, which checks with it that a request is from us.';
  return leadToSecret(c, path, { title: `The signing secret of ${id}`, secret, note });
}

async function tryOut(c: Context<PageEnv>, show: Show) {
  const webhook = await c.var.api.get(webhookPath(c), webhookSchema);
  const form = readTrialForm(webhook, await readForm(c));
  const read = toTrigger(webhook, form);
  const { value: answer, refusal } = read.ok
    ? await c.var.api.send('POST', `${webhookPath(c)}/trigger`, read.trigger, triggerAnswerSchema)
    : { value: null, refusal: { status: 422, detail: '', errors: read.mistakes } };
  const answered = answer && {
    answer,
    invocation: await c.var.api.get(apiPath(c, `/invocations/${answer.referenceId}`), invocationSchema),
  };
  const trial: TrialState = { form, refusal, answered };
  if (!wantsPart(c)) return show(c, { trial });
  const path = `${tabOf(c)}/${webhook.id}`;
  return answerPart(c, <Trial {...{ path, locationId: c.var.location.id, webhook, state: trial }} />);
}

function readInvocations(c: Context<PageEnv>, id: string, limit: number, cursor?: string) {
  const query = new URLSearchParams({ limit: String(limit), ...(cursor && { cursor }) });
  return c.var.api.get(`${webhookPath(c, id)}/invocations?${query.toString()}`, pageOf(invocationSchema));
}

function idOf(c: Context<PageEnv>): string {
  return c.req.param('webhookId') ?? '';
}

function webhookPath(c: Context<PageEnv>, id = idOf(c)): string {
  return apiPath(c, `/webhooks/${encodeURIComponent(id)}`);
}

function tabOf(c: Context<PageEnv>): string {
  return pathOfTab(c.var.location.id, 'registeredWebhooks');
}
