import { createRoute, z } from '@hono/zod-openapi';
import type { Database } from '../db/client.ts';
import { uuid } from '../events/event.ts';
import { allowAtLocation, type Caller, type LocationEnv, locationPath } from '../http/authorize.ts';
import { createRouter } from '../http/router.ts';
import { logger } from '../logger.ts';
import { type DeliveryRow, toDelivery } from './delivery.ts';
import { deliveryFilter } from './delivery-log.ts';
import type { Watch } from './watch.ts';

/** Milliseconds after which a stream shows that it is still there: sooner than proxies give up on it. */
const heartbeatMs = 15_000;
/** Milliseconds for which a caller's right to see is taken for granted. */
const trustMs = 1000;

/** The deliveries of a location as they end, as server-sent events. */
export function streamRoutes(db: Database, watch: Watch) {
  const router = createRouter<LocationEnv>();
  return router.openapi(createRoute({ ...stream, ...allowAtLocation(db, 'events:read') }), async (c) => {
    const { id: locationId } = c.var.location;
    const wanted = { ...c.req.valid('query'), lastId: c.req.valid('header')['last-event-id'] };
    // A HEAD would never read what it opened, and never leave.
    if (c.req.method === 'HEAD') return c.body(null, 200, headers);
    // A caller in this process may have no connection: what it does not read ends when it goes on reading.
    const { outgoing }: Partial<LocationEnv['Bindings']> = c.env;
    const watcher = await watch.join(locationId, wanted, () => outgoing?.destroy());
    const mayStillSee = recheck(c.var.caller);
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(encode(': watching\n\n')),
      async pull(controller) {
        const rows = await watcher.next(heartbeatMs);
        if (rows && (await mayStillSee())) return controller.enqueue(encode(format(rows)));
        watch.leave(locationId, watcher);
        controller.close();
      },
      cancel: () => watch.leave(locationId, watcher),
    });
    return c.body(body, 200, headers);
  });
}

const headers = { 'content-type': 'text/event-stream', 'cache-control': 'no-store' };

const stream = {
  method: 'get',
  path: '/v1/locations/{id}/deliveries/stream',
  operationId: 'deliveries.stream',
  summary: 'Each delivery as it ends, as server-sent events',
  description:
    'Events are named `delivery`; their id is the id of the delivery, their data the delivery as in lists. A comment every 15 seconds shows that the stream is still there. With `Last-Event-ID`, at most 1,000 deliveries that ended since that one come first; over a reconnect the same one may come twice. A reader that does not read is hung up on.',
  request: {
    params: locationPath,
    query: deliveryFilter.pick({ endpointId: true, outcome: true }),
    headers: z.object({
      'last-event-id': uuid.optional().openapi({ description: 'The delivery that was seen last' }),
    }),
  },
  responses: {
    200: {
      description: 'The stream',
      content: {
        'text/event-stream': {
          schema: z.string().openapi({ example: 'event: delivery\nid: 01a2…\ndata: {"id":"01a2…"}\n\n' }),
        },
      },
    },
  },
} as const;

/** A function that tells whether a caller may still see what it sees: a revoked key, or the end of a sign-in, ends it. */
function recheck(caller: Caller): () => Promise<boolean> {
  let isValid = true;
  let checkedAt = performance.now();
  return async () => {
    if (performance.now() - checkedAt < trustMs) return isValid;
    checkedAt = performance.now();
    try {
      isValid = await caller.isStillValid();
    } catch (error) {
      // While the database is away nobody can be revoked either; browsers give up on a stream that is refused.
      logger.warn({ err: error }, 'caller not checked');
    }
    return isValid;
  };
}

function format(rows: DeliveryRow[]): string {
  if (rows.length === 0) return ': still here\n\n';
  return rows
    .map((row) => `event: delivery\nid: ${row.id}\ndata: ${JSON.stringify(toDelivery(row))}\n\n`)
    .join('');
}

const encoder = new TextEncoder();
const encode = (text: string) => encoder.encode(text);
