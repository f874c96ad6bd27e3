import type { Context } from 'hono';
import { createMiddleware } from 'hono/factory';
import { pageOf } from '../http/page.ts';
import { deliverySchema } from '../outbox/delivery.ts';
import { endpointSchema } from '../settings/endpoint.ts';
import { locationSchema } from '../settings/location.ts';
import type { Endpoint } from './endpoints/endpoints-page.tsx';
import { isTrouble, maxTold, type Trouble } from './parts/failing-banner.tsx';
import type { PageEnv } from './view.ts';

/** Finds the location that a page is about. */
export const findLocation = createMiddleware<PageEnv>(async (c, next) => {
  const id = encodeURIComponent(c.req.param('id') ?? '');
  c.set('location', await c.var.api.get(`/v1/locations/${id}`, locationSchema));
  await next();
});

/** A path of the API below the location that a page is about. @example apiPath(c, '/endpoints'); */
export function apiPath(c: Context<PageEnv>, path: string): string {
  return `/v1/locations/${c.var.location.id}${path}`;
}

/** The webhooks of the location that a page is about; deleted ones are not among them. */
export async function listEndpoints(c: Context<PageEnv>) {
  const { items } = await c.var.api.get(apiPath(c, '/endpoints?limit=1000'), pageOf(endpointSchema));
  return items;
}

/** Those of these webhooks that keep failing, or were switched off for it, longest first. */
export async function findTroubles(c: Context<PageEnv>, endpoints: Endpoint[]): Promise<Trouble[]> {
  const failing = endpoints.filter(isTrouble).toSorted((a, b) => sinceOf(a).localeCompare(sinceOf(b)));
  return Promise.all(
    failing.map(async (endpoint, place) => ({
      endpoint,
      last: place < maxTold ? await findLastFailure(c, endpoint.id) : null,
    })),
  );
}

/** As text, by which times in UTC sort; empty: it was switched off, and has passed a test since. */
const sinceOf = ({ health }: Endpoint) => health.failingSince ?? '';

/** The newest delivery that did not arrive; null: the newest ones did, or have left the log. */
async function findLastFailure(c: Context<PageEnv>, endpointId: string) {
  const path = apiPath(c, `/deliveries?endpointId=${endpointId}&limit=10`);
  const { items } = await c.var.api.get(path, pageOf(deliverySchema));
  return items.find(({ outcome }) => outcome !== 'delivered' && outcome !== 'sending') ?? null;
}

/** Where apps and outside services reach us. @example originOf(c, undefined); // 'http://127.0.0.1:8080' */
export function originOf(c: Context, publicUrl: string | undefined): string {
  return new URL(publicUrl ?? c.req.url).origin;
}
