import { type Context, Hono } from 'hono';
import { z } from '@hono/zod-openapi';
import { resendsSchema } from '../../outbox/range-resend-routes.ts';
import { answerPage, answerPart, leadOn, wantsPart } from '../answer.tsx';
import type { Endpoint } from '../endpoints/endpoints-page.tsx';
import { readForm, readQueryForm } from '../forms/form-values.ts';
import { apiPath, listEndpoints } from '../location-api.ts';
import { pathOfTab } from '../location-page.tsx';
import { lostOutcomes, type RangeForm, readRangeForm, toRangeBody } from './range-form.ts';
import { type RangeState, ResendPage } from './resend-page.tsx';
import { ResendProgress, ResendProgressPage } from './resend-progress-page.tsx';
import { count, hostOf } from '../words.ts';
import type { PageEnv } from '../view.ts';

/** The resend of a range: counted, begun, watched and stopped. */
export function resendRoutes() {
  const router = new Hono<PageEnv>();

  router.get('/resend', async (c) => {
    const endpoints = await listEndpoints(c);
    const form = readRangeForm(readQueryForm(c), endpoints);
    if (!isAsked(c)) return showRange(c, { endpoints, form: { ...form, outcomes: [...lostOutcomes] } });
    const { value, refusal } = await resend(c, form, { dryRun: true }, counted);
    return showRange(c, { endpoints, form, refusal, counted: value });
  });

  router.post('/resend', async (c) => {
    const endpoints = await listEndpoints(c);
    const form = readRangeForm(await readForm(c), endpoints);
    const { value, refusal } = await resend(c, form, {}, begun);
    if (refusal) return showRange(c, { endpoints, form, refusal });
    const { id } = c.var.location;
    if (value.id === null)
      return leadOn(c, `/locations/${id}/resend`, 'There is nothing to send again any more.');
    return c.redirect(`/locations/${id}/resends/${value.id}`, 303);
  });

  router.get('/resends/:resendId', async (c) => {
    const [resends, endpoints] = await Promise.all([readResends(c), listEndpoints(c)]);
    const state = { location: c.var.location, resends, host: hostOfResends(endpoints, resends.endpointId) };
    if (wantsPart(c)) return answerPart(c, <ResendProgress {...state} />);
    return answerPage(c, <ResendProgressPage {...state} />);
  });

  router.post('/resends/:resendId/stop', async (c) => {
    const before = await readResends(c);
    const { value } = await c.var.api.send('DELETE', resendsPath(c), undefined, dropped);
    const stopped = `${count(value?.dropped ?? 0, 'delivery')} that still waited will not be sent again.`;
    // When none had begun, nothing is left to look at.
    const isGone = value?.dropped === before.resends;
    const { id } = c.var.location;
    return leadOn(c, isGone ? pathOfTab(id, 'deliveries') : `/locations/${id}/resends/${before.id}`, stopped);
  });

  return router;
}

const counted = z.object({ resends: z.int(), events: z.int() });
const begun = z.object({ id: z.string().nullable(), resends: z.int() });
const dropped = z.object({ dropped: z.int() });

/** Whether the form was sent; before, it shows what is usual. */
function isAsked(c: Context<PageEnv>): boolean {
  return c.req.query('from') !== undefined;
}

function resend<Schema extends z.ZodType>(
  c: Context<PageEnv>,
  form: RangeForm,
  more: { dryRun?: boolean },
  schema: Schema,
) {
  const path = apiPath(c, `/endpoints/${encodeURIComponent(form.endpointId)}/resend`);
  return c.var.api.send('POST', path, { ...toRangeBody(form), ...more }, schema);
}

type Shown = Pick<RangeState, 'endpoints' | 'form'> & Partial<RangeState>;

function showRange(c: Context<PageEnv>, { refusal = null, counted = null, ...more }: Shown) {
  const state = { location: c.var.location, refusal, counted, ...more };
  return answerPage(c, <ResendPage {...state} />, refusal ? 422 : 200);
}

function resendsPath(c: Context<PageEnv>): string {
  return apiPath(c, `/resends/${encodeURIComponent(c.req.param('resendId') ?? '')}`);
}

function readResends(c: Context<PageEnv>) {
  return c.var.api.get(resendsPath(c), resendsSchema);
}

function hostOfResends(endpoints: Endpoint[], endpointId: string): string {
  const url = endpoints.find(({ id }) => id === endpointId)?.url;
  return url === undefined ? 'a deleted webhook' : hostOf(url);
}
