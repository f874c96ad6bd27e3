import { Hono } from 'hono';
import { tracedEventSchema } from '../../outbox/history-routes.ts';
import { pageOf } from '../../http/page.ts';
import { answerPage } from '../answer.tsx';
import { apiPath, listEndpoints } from '../location-api.ts';
import { ToldSessionPage } from './told-session-page.tsx';
import type { PageEnv } from '../view.ts';

/** What happened to one session at a location. */
export function toldSessionRoutes() {
  const router = new Hono<PageEnv>();
  router.get('/', async (c) => {
    const { location, api } = c.var;
    const uuid = (c.req.query('uuid') ?? '').trim();
    const endpoints = await listEndpoints(c);
    const state = { location, endpoints, uuid };
    if (uuid === '') return answerPage(c, <ToldSessionPage {...state} events={[]} refusal={null} />);
    const path = apiPath(c, `/events?uuid=${encodeURIComponent(uuid)}&limit=1000`);
    const { value, refusal } = await api.send('GET', path, undefined, pageOf(tracedEventSchema));
    const page = <ToldSessionPage {...state} events={value?.items ?? []} refusal={refusal} />;
    return answerPage(c, page, refusal ? 422 : 200);
  });
  return router;
}
