import { Hono } from 'hono';
import type { CidrList } from '../delivery/url-guard.ts';
import { endpointRoutes } from './endpoint-routes.tsx';
import { flowRoutes } from './flow-routes.tsx';
import { findLocation } from './location-api.ts';
import { registrationRoutes } from './registration-routes.tsx';
import { runRoutes } from './run-routes.tsx';
import { templateTrialRoutes } from './template-trial-routes.tsx';
import type { PageEnv } from './view.ts';

type Options = { allowCidrs: CidrList; publicUrl: string | undefined };

/** The locations and, below each, its tabs. */
export function locationsRoutes({ allowCidrs, publicUrl }: Options) {
  const router = new Hono<PageEnv>();
  router.use('/locations/:id/*', findLocation);
  router.route('/locations/:id/webhooks', endpointRoutes(allowCidrs));
  router.route('/locations/:id', registrationRoutes(publicUrl));
  router.route('/locations/:id', flowRoutes(publicUrl));
  router.route('/locations/:id', runRoutes());
  router.route('/locations/:id', templateTrialRoutes());
  return router;
}
