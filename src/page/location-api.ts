import type { Context } from 'hono';
import { createMiddleware } from 'hono/factory';
import { pageOf } from '../http/page.ts';
import { endpointSchema } from '../settings/endpoint.ts';
import { locationSchema } from '../settings/location.ts';
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

/** Where apps and outside services reach us. @example originOf(c, undefined); // 'http://127.0.0.1:8080' */
export function originOf(c: Context, publicUrl: string | undefined): string {
  return new URL(publicUrl ?? c.req.url).origin;
}
