import { setTimeout as delay } from 'node:timers/promises';
import { createRoute, z } from '@hono/zod-openapi';
import type { Database } from '../db/client.ts';
import { action, uuid } from '../events/event.ts';
import { audited } from '../http/audit.ts';
import { allowAtLocation, type LocationEnv, locationPath } from '../http/authorize.ts';
import { Problem } from '../http/problem.ts';
import { answers, createRouter, mayTake, problems } from '../http/router.ts';
import { type DeliveryRow, deliverySchema, toDelivery } from './delivery.ts';
import { readDelivery } from './delivery-log.ts';
import { deliveryPath } from './delivery-routes.ts';
import { about, findEndpoint, insertResends, insertTest } from './resends.ts';

/** How often a test or resend looks whether its delivery has ended. */
const pollMs = 25;

type Options = {
  db: Database;
  wake: (locationIds: string[]) => void;
  /** How long an answer waits for its delivery's outcome: for the POST before it in the lane, and its own. */
  waitMs: number;
};

/** What people send by hand, on the very path of every other delivery: a test, a resend. */
export function resendRoutes({ db, wake, waitMs }: Options) {
  const mayWrite = allowAtLocation(db, 'settings:write');
  const router = createRouter<LocationEnv>();

  async function waitForOutcome(locationId: string, id: string): Promise<DeliveryRow> {
    wake([locationId]);
    const giveUpAt = performance.now() + waitMs;
    for (;;) {
      const delivery = await readDelivery(db, locationId, id);
      if (delivery.endedAt || performance.now() > giveUpAt) return delivery;
      await delay(pollMs);
    }
  }

  router.openapi(createRoute({ ...test, ...mayWrite }), async (c) => {
    const { location } = c.var;
    const endpoint = await findEndpoint(db, location.id, c.req.valid('param').endpointId);
    if (!endpoint) throw unknownEndpoint();
    const { action } = testSchema.parse(c.req.valid('json'));
    const id = await audited(db, c.var, async (tx) => {
      const deliveryId = await insertTest(tx, endpoint, location.title, action);
      if (!deliveryId) throw unknownEndpoint();
      return [deliveryId, { action: 'endpoint.tested', ...about(endpoint), after: { deliveryId, action } }];
    });
    const delivery = await waitForOutcome(location.id, id);
    return c.json(toDelivery(delivery), delivery.endedAt ? 200 : 202);
  });

  router.openapi(createRoute({ ...resend, ...mayWrite }), async (c) => {
    const original = await readDelivery(db, c.var.location.id, c.req.valid('param').deliveryId);
    if (original.outcome === 'sending') throw new Problem(409, 'This delivery has not ended yet.');
    if (original.test) throw new Problem(409, 'A test is not resent: send another test instead.');
    const endpoint = await findEndpoint(db, original.locationId, original.endpointId);
    const id = await audited(db, c.var, async (tx) => {
      const [deliveryId] = endpoint ? await insertResends(tx, endpoint, [original.id]) : [];
      if (!deliveryId) throw new Problem(409, 'The endpoint of this delivery has been deleted.');
      const { locationId, id: target, endpointId } = original;
      return [
        deliveryId,
        { action: 'delivery.resent', locationId, target, after: { deliveryId, endpointId } },
      ];
    });
    const delivery = await waitForOutcome(original.locationId, id);
    return c.json(toDelivery(delivery), delivery.endedAt ? 201 : 202);
  });

  return router;
}

/** The path of what is sent to one endpoint. */
export const endpointPath = locationPath.extend({ endpointId: uuid });

const testSchema = z.object({ action: action.default('create') });

const test = {
  method: 'post',
  path: '/v1/locations/{id}/endpoints/{endpointId}/test',
  operationId: 'endpoints.test',
  summary: 'Send a sample event on the real path, and tell how it went',
  request: { params: endpointPath, ...mayTake(testSchema) },
  responses: {
    200: answers('The delivery and its outcome', deliverySchema),
    202: answers('The delivery, whose outcome takes longer: ask for it later', deliverySchema),
  },
} as const;

const resend = {
  method: 'post',
  path: '/v1/locations/{id}/deliveries/{deliveryId}/resend',
  operationId: 'deliveries.resend',
  summary: 'Send the same events to the same endpoint once more',
  request: { params: deliveryPath },
  responses: {
    201: answers('The new delivery and its outcome', deliverySchema),
    202: answers('The new delivery, whose outcome takes longer: ask for it later', deliverySchema),
    ...problems(409),
  },
} as const;

/** The answer for an endpoint that is not there. */
export function unknownEndpoint(): Problem {
  return new Problem(404, 'There is no endpoint with this id at this location.');
}
