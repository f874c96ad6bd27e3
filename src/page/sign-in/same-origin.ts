import type { Context } from 'hono';
import { createMiddleware } from 'hono/factory';
import { Problem } from '../../http/problem.ts';

/**
 * Lets a form pass only when it was sent from a page of ours. Browsers say where a form comes from; what says nothing is
 * no browser, and holds no cookie of somebody else.
 */
export function sameOriginForms(publicUrl: string | undefined) {
  return createMiddleware(async (c, next) => {
    if (c.req.method === 'POST' && !comesFromUs(c, publicUrl))
      throw new Problem(403, 'This form was sent from another site. Open the page itself and try again.');
    await next();
  });
}

function comesFromUs(c: Context, publicUrl: string | undefined): boolean {
  const site = c.req.header('sec-fetch-site');
  if (site) return site === 'same-origin';
  const origin = c.req.header('origin');
  if (!origin || !URL.canParse(origin)) return !origin;
  // The scheme is left out: a proxy may have ended TLS.
  const hosts = [c.req.header('host'), publicUrl && new URL(publicUrl).host];
  return hosts.includes(new URL(origin).host);
}
