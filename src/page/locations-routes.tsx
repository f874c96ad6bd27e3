import { Hono } from 'hono';
import type { CidrList } from '../delivery/url-guard.ts';
import { deliveriesRoutes, exportDeliveries } from './deliveries-routes.tsx';
import { endpointRoutes } from './endpoint-routes.tsx';
import { findLocation } from './location-api.ts';
import { resendRoutes } from './resend-routes.tsx';
import { toldSessionRoutes } from './told-session-routes.tsx';
import type { PageEnv } from './view.ts';

/** The locations and, below each, its tabs. */
export function locationsRoutes(allowCidrs: CidrList) {
  const router = new Hono<PageEnv>();
  router.use('/locations/:id/*', findLocation);
  router.route('/locations/:id/webhooks', endpointRoutes(allowCidrs));
  router.route('/locations/:id/deliveries', deliveriesRoutes());
  router.get('/locations/:id/deliveries.csv', exportDeliveries);
  router.route('/locations/:id', resendRoutes());
  router.route('/locations/:id/sessions', toldSessionRoutes());
  return router;
}
