import { type Context, Hono } from 'hono';
import { z } from '@hono/zod-openapi';
import { type CidrList, judgeUrl } from '../../delivery/url-guard.ts';
import { deliverySchema } from '../../outbox/delivery.ts';
import { statsSchema } from '../../outbox/stats-routes.ts';
import { endpointSchema } from '../../settings/endpoint.ts';
import { readFailingChoice } from './failing-choice.tsx';
import type { Refusal } from '../api.ts';
import { answerPage, answerPart, leadOn, leadToSecret, wantsPart } from '../answer.tsx';
import { EndpointPage, type EndpointState, TestResult } from './endpoint-page.tsx';
import { EndpointsPage, NewEndpointPage } from './endpoints-page.tsx';
import { emptyEndpointForm, readEndpointForm, toEndpointBody } from './endpoint-form.ts';
import { readForm } from '../forms/form-values.ts';
import { apiPath, findTroubles, listEndpoints } from '../location-api.ts';
import { pathOfTab } from '../location-page.tsx';
import { UrlVerdict } from '../forms/url-field.tsx';
import type { PageEnv } from '../view.ts';

/** The tab of a location's webhooks: the URLs that its session events are sent to. */
export function endpointRoutes(allowCidrs: CidrList) {
  const router = new Hono<PageEnv>();

  router.get('/', async (c) => showEndpoints(c));

  router.get('/new', (c) =>
    answerPage(c, <NewEndpointPage location={c.var.location} form={emptyEndpointForm} />),
  );

  router.get('/check', (c) =>
    answerPart(c, <UrlVerdict verdict={judge(c.req.query('url') ?? '', allowCidrs)} />),
  );

  router.post('/', async (c) => {
    const values = await readForm(c);
    const form = readEndpointForm(values);
    const { location, api } = c.var;
    if (values.one('intent') === 'addHeader')
      return answerPage(c, <NewEndpointPage location={location} form={form} hasNewHeader />);
    const { value, refusal } = await api.send(
      'POST',
      apiPath(c, '/endpoints'),
      toEndpointBody(form),
      created,
    );
    if (refusal)
      return answerPage(c, <NewEndpointPage location={location} form={form} refusal={refusal} />, 422);
    return leadToSecret(c, pathOf(c, value.id), secretOf(value.secret, 'The signing secret of this webhook'));
  });

  router.post('/failing', async (c) => chooseFailing(c));

  router.get('/:endpointId', async (c) => showEndpoint(c, {}));

  router.post('/:endpointId', async (c) => {
    const values = await readForm(c);
    const form = readEndpointForm(values);
    if (values.one('intent') === 'addHeader') return showEndpoint(c, { form, hasNewHeader: true });
    const { refusal } = await c.var.api.send('PATCH', endpointPath(c), toEndpointBody(form), z.unknown());
    if (refusal) return showEndpoint(c, { form, refusal });
    return leadOn(c, pathOf(c), 'The webhook was saved.');
  });

  router.post('/:endpointId/enabled', async (c) => {
    const enabled = (await readForm(c)).one('enabled') === 'true';
    const { refusal } = await c.var.api.send('PATCH', endpointPath(c), { enabled }, z.unknown());
    if (refusal) return showEndpoint(c, { refusal });
    return leadOn(
      c,
      pathOf(c),
      enabled
        ? 'The webhook goes on: events that come from now on are sent to it.'
        : 'The webhook is paused: events are skipped until it goes on.',
    );
  });

  router.post('/:endpointId/test', async (c) => {
    const { value, refusal } = await c.var.api.send('POST', `${endpointPath(c)}/test`, {}, deliverySchema);
    if (wantsPart(c))
      return answerPart(c, <TestResult delivery={value} refusal={refusal} locationId={c.var.location.id} />);
    return showEndpoint(c, { test: value, refusal });
  });

  router.post('/:endpointId/rotate', async (c) => {
    const overlapHours = Number((await readForm(c)).one('overlapHours'));
    const { value, refusal } = await c.var.api.send(
      'POST',
      `${endpointPath(c)}/rotate-secret`,
      { overlapHours },
      z.object({ secret: z.string() }),
    );
    if (refusal) return showEndpoint(c, { refusal });
    return leadToSecret(c, pathOf(c), secretOf(value.secret, 'The new signing secret of this webhook'));
  });

  router.post('/:endpointId/delete', async (c) => {
    const { refusal } = await c.var.api.send('DELETE', endpointPath(c), undefined, z.null());
    if (refusal) return showEndpoint(c, { refusal });
    return leadOn(c, pathOfTab(c.var.location.id, 'webhooks'), 'The webhook was deleted.');
  });

  return router;
}

function secretOf(secret: string, title: string) {
  const note = 'Give it to the developer of the receiver, who checks with it that what arrives is from us.';
  return { title, secret, note };
}

const created = endpointSchema.extend({ secret: z.string() });

function pathOf(c: Context<PageEnv>, endpointId = c.req.param('endpointId') ?? ''): string {
  return `${pathOfTab(c.var.location.id, 'webhooks')}/${endpointId}`;
}

function endpointPath(c: Context<PageEnv>): string {
  return apiPath(c, `/endpoints/${encodeURIComponent(c.req.param('endpointId') ?? '')}`);
}

function readStats(c: Context<PageEnv>) {
  return c.var.api.get(apiPath(c, '/stats?hours=24'), statsSchema);
}

/** What becomes of webhooks that keep failing. */
async function chooseFailing(c: Context<PageEnv>) {
  const { location, api } = c.var;
  const disableFailingAfterHours = readFailingChoice(await readForm(c));
  const settings = { title: location.title, disableFailingAfterHours };
  const { refusal } = await api.send('PUT', apiPath(c, ''), settings, z.unknown());
  if (refusal) return showEndpoints(c, refusal);
  const what = disableFailingAfterHours === null ? 'stay on' : 'are switched off';
  return leadOn(c, pathOfTab(location.id, 'webhooks'), `From now on, webhooks that keep failing ${what}.`);
}

async function showEndpoints(c: Context<PageEnv>, refusal: Refusal | null = null) {
  const [endpoints, stats] = await Promise.all([listEndpoints(c), readStats(c)]);
  const state = { location: c.var.location, endpoints, stats, refusal };
  const page = <EndpointsPage {...state} troubles={await findTroubles(c, endpoints)} />;
  return answerPage(c, page, refusal ? 422 : 200);
}

type Shown = Partial<Pick<EndpointState, 'form' | 'refusal' | 'hasNewHeader' | 'test'>>;

async function showEndpoint(c: Context<PageEnv>, { form, refusal = null, ...more }: Shown) {
  const [endpoint, stats] = await Promise.all([c.var.api.get(endpointPath(c), endpointSchema), readStats(c)]);
  const page = <EndpointPage {...{ location: c.var.location, endpoint, stats, form, refusal, ...more }} />;
  return answerPage(c, page, refusal ? 422 : 200);
}

/** What the URL guard says of a URL that is being typed. */
function judge(url: string, allowCidrs: CidrList) {
  if (url.trim() === '') return null;
  const judged = judgeUrl(url.trim(), allowCidrs);
  return judged.ok ? { isOk: true, texts: judged.warnings } : { isOk: false, texts: [judged.message] };
}
