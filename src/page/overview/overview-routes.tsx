import { Hono } from 'hono';
import { pageOf } from '../../http/page.ts';
import { deliverySchema } from '../../outbox/delivery.ts';
import { statsSchema } from '../../outbox/stats-routes.ts';
import { endpointSchema } from '../../settings/endpoint.ts';
import { answerPage } from '../answer.tsx';
import { apiPath, findTroubles } from '../location-api.ts';
import { OverviewPage } from './overview-page.tsx';
import type { PageEnv } from '../view.ts';

/** The first page of a location: is it working? */
export function overviewRoutes() {
  return new Hono<PageEnv>().get('/', async (c) => {
    const { api, location } = c.var;
    const [stats, endpoints, deliveries] = await Promise.all([
      api.get(apiPath(c, '/stats?hours=24'), statsSchema),
      api.get(apiPath(c, '/endpoints?limit=1000'), pageOf(endpointSchema)),
      api.get(apiPath(c, '/deliveries?limit=8'), pageOf(deliverySchema)),
    ]);
    const troubles = await findTroubles(c, endpoints.items);
    const state = { location, stats, troubles, endpoints: endpoints.items, deliveries: deliveries.items };
    return answerPage(c, <OverviewPage {...state} />);
  });
}
