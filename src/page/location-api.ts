import type { Context } from 'hono';
import { createMiddleware } from 'hono/factory';
import { locationSchema } from '../settings/location-routes.ts';
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

/** Where apps and outside services reach us. @example originOf(c, undefined); // 'http://127.0.0.1:8080' */
export function originOf(c: Context, publicUrl: string | undefined): string {
  return new URL(publicUrl ?? c.req.url).origin;
}
