import type { Context } from 'hono';
import { createMiddleware } from 'hono/factory';
import type { Database } from '../../db/client.ts';
import type { CidrList } from '../../delivery/url-guard.ts';
import type { Credentials } from '../../http/api-key.ts';
import { type Caller, mayComeFrom } from '../../http/authorize.ts';
import { clientAddress } from '../../http/client-address.ts';
import { Problem } from '../../http/problem.ts';
import { hashOf, isSameHash } from '../../http/token.ts';
import { createApi } from '../api.ts';
import type { Cookies } from './cookies.ts';
import type { Flashes } from './flash.ts';
import { findSession, type Session } from './session.ts';
import { type PageEnv, themes, type View } from '../view.ts';

/** What knows who is signed in. */
export type SignedInOptions = {
  db: Database;
  credentials: Credentials;
  trustProxy: CidrList;
  cookies: Cookies;
  flashes: Flashes;
  /** Answers a request to the API in this process, for the caller in `env` when there is one. */
  call: (path: string, init: RequestInit, env: PageEnv['Bindings']) => Promise<Response>;
};

/** The names of the page's cookies. */
export const cookieNames = { session: 'bellhop-session', theme: 'bellhop-theme' } as const;

/** Draws a page for whoever comes, signed in or not. */
export function drawForAnybody(options: SignedInOptions) {
  return createMiddleware<PageEnv>(async (c, next) => {
    c.set('view', viewOf(c, options, null));
    await next();
  });
}

/**
 * Lets a request pass only for somebody who is signed in, with the API as that person may use it; others are led to the
 * sign-in, and back from there. A form has to hold the session's own token besides.
 */
export function requireSignIn(options: SignedInOptions) {
  return createMiddleware<PageEnv>(async (c, next) => {
    const { cookies, db } = options;
    const token = cookies.get(c, cookieNames.session);
    const session = token ? await findSession(db, token) : null;
    const acting = session && (await recallCaller(c, options, session));
    if (!token || !session || !acting) return leadToSignIn(c);
    const isStillValid = async () => {
      const found = await findSession(db, token);
      return found !== null && (await recallCaller(c, options, found)) !== null;
    };
    const caller = { ...acting, isStillValid };
    if (c.req.method === 'POST') await requireToken(c, csrfOf(token));
    c.set('session', session);
    c.set('caller', caller);
    c.set(
      'api',
      createApi((path, init) => options.call(path, init, { ...c.env, caller })),
    );
    c.set('leave', (flash) => options.flashes.leave(c, session.hash, flash));
    c.set('view', viewOf(c, options, { token, session, caller }));
    return next();
  });
}

/** As whom a session acts; null when its key was revoked, has expired, or may not be used from here. */
async function recallCaller(
  c: Context<PageEnv>,
  { credentials, trustProxy }: SignedInOptions,
  { kind, keyId, locationId }: Session,
): Promise<Omit<Caller, 'isStillValid'> | null> {
  const key = await credentials.recall(keyId);
  const address = addressOf(c, trustProxy);
  // The address range of a key is that of the core app; a link of its making is for people elsewhere.
  if (!key || (kind === 'key' && !mayComeFrom(key, address))) return null;
  const boundKey = { ...key, locationId: locationId ?? key.locationId };
  return { kind: kind === 'key' ? 'page' : 'link', key: boundKey, address };
}

/** The address that a browser comes from. */
export function addressOf(c: Context<PageEnv>, trustProxy: CidrList): string {
  return clientAddress(c.req, c.env.incoming.socket.remoteAddress, trustProxy);
}

async function requireToken(c: Context, expected: string): Promise<void> {
  const { csrf } = await c.req.parseBody();
  if (typeof csrf !== 'string' || !isSameHash(hashOf(csrf), hashOf(expected)))
    throw new Problem(403, 'This form belongs to an earlier sign-in. Reload the page and try again.');
}

/** Derived from the session's token, which no other site knows. */
function csrfOf(token: string): string {
  return hashOf(`form ${token}`);
}

function leadToSignIn(c: Context): Response {
  const { pathname, search } = new URL(c.req.url);
  const next =
    c.req.method === 'GET' && pathname !== '/' ? `?next=${encodeURIComponent(pathname + search)}` : '';
  // A part of a page cannot show the sign-in: htmx then loads it as a page of its own.
  if (c.req.header('hx-request')) return c.body(null, 204, { 'hx-redirect': '/sign-in' });
  return c.redirect(`/sign-in${next}`, 303);
}

function viewOf(
  c: Context<PageEnv>,
  { cookies, flashes }: SignedInOptions,
  signedIn: { token: string; session: Session; caller: Caller } | null,
): View {
  const theme = cookies.get(c, cookieNames.theme);
  const isWholePage = c.req.method === 'GET' && c.req.header('accept')?.includes('text/html');
  return {
    csrf: signedIn ? csrfOf(signedIn.token) : '',
    theme: themes.find((name) => name === theme) ?? 'system',
    isSignedIn: signedIn !== null,
    onlyLocationId: signedIn?.caller.key.locationId ?? null,
    flash: signedIn && isWholePage ? flashes.take(c, signedIn.session.hash) : null,
  };
}
