import { type Context, Hono } from 'hono';
import { pageOf } from '../../http/page.ts';
import { deliverySchema, fullDeliverySchema } from '../../outbox/delivery.ts';
import { statsSchema } from '../../outbox/stats-routes.ts';
import { answerPage, answerPart, leadOn, wantsPart } from '../answer.tsx';
import { DeliveriesPage } from './deliveries-page.tsx';
import { type DeliveryFilters, readFilters, toApiQuery, toLiveQuery } from './delivery-filters.ts';
import { DeliveryPage, type FullDelivery, ResendResult } from './delivery-page.tsx';
import type { Delivery } from './delivery-row.tsx';
import { toRows } from './live-rows.tsx';
import { apiPath, findTroubles, listEndpoints } from '../location-api.ts';
import { pathOfTab } from '../location-page.tsx';
import { readSentEvents } from './sent-events.tsx';
import type { PageEnv } from '../view.ts';

/** Deliveries on a page of the log. */
const pageLength = '30';

/** The tab of a location's deliveries: the log, what comes while it is looked at, and each delivery in full. */
export function deliveriesRoutes() {
  const router = new Hono<PageEnv>();

  router.get('/', async (c) => {
    const filters = readFilters(c);
    const cursor = c.req.query('cursor') ?? '';
    const [found, endpoints, stats] = await Promise.all([
      findDeliveries(c, filters, cursor),
      listEndpoints(c),
      c.var.api.get(apiPath(c, '/stats?hours=24'), statsSchema),
    ]);
    const troubles = await findTroubles(c, endpoints);
    const state = { location: c.var.location, endpoints, troubles, stats, filters, cursor, ...found };
    return answerPage(c, <DeliveriesPage {...state} />, found.mistakes.length > 0 ? 422 : 200);
  });

  router.get('/live', async (c) => {
    // What ended between the page and its stream comes first: a browser names what it saw last only later.
    const lastId = c.req.header('last-event-id') ?? c.req.query('after');
    const { body } = await c.var.api.open(
      apiPath(c, `/deliveries/stream${toLiveQuery(readFilters(c)) ?? ''}`),
      // The method as well: what a HEAD would open, nobody would read.
      { method: c.req.method, ...(lastId && { headers: { 'last-event-id': lastId } }) },
    );
    const rows = body
      ?.pipeThrough(new TextDecoderStream())
      .pipeThrough(toRows(urlFinder(c)))
      .pipeThrough(new TextEncoderStream());
    return c.body(rows ?? '', 200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
  });

  router.get('/:deliveryId', async (c) => showDelivery(c));

  router.post('/:deliveryId/resend', async (c) => {
    const { value, refusal } = await c.var.api.send(
      'POST',
      `${deliveryPath(c)}/resend`,
      undefined,
      deliverySchema,
    );
    if (wantsPart(c)) return answerPart(c, <ResendResult delivery={value} refusal={refusal} />);
    if (refusal) return showDelivery(c, refusal.detail);
    const path = `${pathOfTab(c.var.location.id, 'deliveries')}/${value.id}`;
    return leadOn(c, path, 'It was sent again. This is the new delivery.');
  });

  return router;
}

/** Leads the export of what fits the filters through, as it comes. */
export async function exportDeliveries(c: Context<PageEnv>) {
  const query = toApiQuery(readFilters(c), new Date());
  const { body, headers } = await c.var.api.open(apiPath(c, `/deliveries/export${query}`));
  return c.body(body ?? '', 200, {
    'content-type': headers.get('content-type') ?? 'text/csv; charset=utf-8',
    'content-disposition': `attachment; filename="deliveries-${c.var.location.id}.csv"`,
    'cache-control': 'no-store',
  });
}

/** The page of the log that fits; none, and why, when the filters are refused. */
async function findDeliveries(c: Context<PageEnv>, filters: DeliveryFilters, cursor: string) {
  const query = toApiQuery(filters, new Date(), { cursor, limit: pageLength });
  const path = apiPath(c, `/deliveries${query}`);
  const { value, refusal } = await c.var.api.send('GET', path, undefined, pageOf(deliverySchema));
  if (refusal) return { deliveries: [], nextCursor: null, mistakes: refusal.errors };
  return { deliveries: value.items, nextCursor: value.nextCursor, mistakes: [] };
}

/** Finds URLs of webhooks for as long as a stream lasts: a webhook that was added meanwhile is looked up. */
function urlFinder(c: Context<PageEnv>) {
  const urls = new Map<string, string | undefined>();
  return async (endpointId: string) => {
    if (!urls.has(endpointId)) {
      urls.set(endpointId, undefined);
      for (const { id, url } of await listEndpoints(c)) urls.set(id, url);
    }
    return urls.get(endpointId);
  };
}

function deliveryPath(c: Context<PageEnv>): string {
  return apiPath(c, `/deliveries/${encodeURIComponent(c.req.param('deliveryId') ?? '')}`);
}

/** The resends of a delivery, oldest first: whoever carries the session of its first event may be one. */
async function findResends(c: Context<PageEnv>, { id, test, body }: FullDelivery): Promise<Delivery[]> {
  const [first] = test ? [] : readSentEvents(body);
  if (!first) return [];
  const path = apiPath(c, `/deliveries?uuid=${first.uuid}&limit=1000`);
  const { items } = await c.var.api.get(path, pageOf(deliverySchema));
  return items.filter(({ resendOf }) => resendOf === id).toReversed();
}

async function showDelivery(c: Context<PageEnv>, refused?: string) {
  const [delivery, endpoints] = await Promise.all([
    c.var.api.get(deliveryPath(c), fullDeliverySchema),
    listEndpoints(c),
  ]);
  const endpoint = endpoints.find(({ id }) => id === delivery.endpointId) ?? null;
  const state = { location: c.var.location, delivery, endpoint, resends: await findResends(c, delivery) };
  return answerPage(c, <DeliveryPage {...state} refused={refused} />, refused ? 409 : 200);
}
