import { Hono } from 'hono';
import type { CidrList } from '../delivery/url-guard.ts';
import { deliveriesRoutes, exportDeliveries } from './deliveries/deliveries-routes.tsx';
import { endpointRoutes } from './endpoints/endpoint-routes.tsx';
import { keysRoutes } from './keys/keys-routes.tsx';
import { pageOf } from '../http/page.ts';
import { listedLocationSchema } from '../settings/location.ts';
import { answerPage } from './answer.tsx';
import { LocationsPage } from './overview/locations-page.tsx';
import { overviewRoutes } from './overview/overview-routes.tsx';
import { auditRoutes } from './audit/audit-routes.tsx';
import { resendRoutes } from './deliveries/resend-routes.tsx';
import { toldSessionRoutes } from './deliveries/told-session-routes.tsx';
import { flowRoutes } from './flows/flow-routes.tsx';
import { findLocation } from './location-api.ts';
import { registrationRoutes } from './registrations/registration-routes.tsx';
import { runRoutes } from './flows/run-routes.tsx';
import { templateTrialRoutes } from './flows/template-trial-routes.tsx';
import type { PageEnv } from './view.ts';

type Options = { allowCidrs: CidrList; publicUrl: string | undefined };

/** The locations and, below each, its tabs. */
export function locationsRoutes({ allowCidrs, publicUrl }: Options) {
  const router = new Hono<PageEnv>();
  router.get('/locations', async (c) => {
    const { q = '', cursor } = c.req.query();
    const filter = new URLSearchParams({ withStats: 'true', limit: '50', q, ...(cursor && { cursor }) });
    const locations = await c.var.api.get(`/v1/locations?${filter.toString()}`, pageOf(listedLocationSchema));
    return answerPage(c, <LocationsPage {...{ locations, q }} isFirst={!cursor} />);
  });
  router.use('/locations/:id/*', findLocation);
  router.route('/locations/:id', overviewRoutes());
  router.route('/locations/:id/webhooks', endpointRoutes(allowCidrs));
  router.route('/locations/:id/api', keysRoutes());
  router.route('/locations/:id/audit', auditRoutes());
  router.route('/keys', keysRoutes());
  router.route('/locations/:id/deliveries', deliveriesRoutes());
  router.get('/locations/:id/deliveries.csv', exportDeliveries);
  router.route('/locations/:id', resendRoutes());
  router.route('/locations/:id/sessions', toldSessionRoutes());
  router.route('/locations/:id', registrationRoutes(publicUrl));
  router.route('/locations/:id', flowRoutes(publicUrl));
  router.route('/locations/:id', runRoutes());
  router.route('/locations/:id', templateTrialRoutes());
  return router;
}
