import type { Context } from 'hono';
import { deleteCookie, getCookie, setCookie } from 'hono/cookie';
import type { CookieOptions } from 'hono/utils/cookie';
import { type CidrList, contains } from '../../delivery/url-guard.ts';
import type { PageEnv } from '../view.ts';

/** What decides how cookies are set: where people reach us, our own proxies, and who may show our pages in a frame. */
export type CookieRules = { publicUrl: string | undefined; trustProxy: CidrList; frameAncestors: string[] };

/** The page's cookies. No script reads them; where the browser comes by TLS, their names begin with `__Host-`. */
export function createCookies({ publicUrl, trustProxy, frameAncestors }: CookieRules) {
  function isSecure(c: Context<PageEnv>): boolean {
    if (publicUrl) return publicUrl.startsWith('https:');
    const isOurProxy = contains(trustProxy, c.env.incoming.socket.remoteAddress ?? '');
    return isOurProxy && c.req.header('x-forwarded-proto') === 'https';
  }

  function optionsOf(c: Context<PageEnv>): CookieOptions {
    const options: CookieOptions = { path: '/', httpOnly: true, sameSite: 'Lax' };
    if (!isSecure(c)) return options;
    // In a frame on another site a browser keeps only cookies that ask for it, apart for each such site.
    const framed = frameAncestors.length > 0 && ({ sameSite: 'None', partitioned: true } as const);
    return { ...options, ...framed, secure: true, prefix: 'host' };
  }

  return {
    get: (c: Context<PageEnv>, name: string): string | undefined =>
      isSecure(c) ? getCookie(c, name, 'host') : getCookie(c, name),

    /** @param maxAge in seconds; left out: until the browser is closed. */
    set(c: Context<PageEnv>, name: string, value: string, maxAge?: number): void {
      setCookie(c, name, value, { ...optionsOf(c), ...(maxAge !== undefined && { maxAge }) });
    },

    clear(c: Context<PageEnv>, name: string): void {
      deleteCookie(c, name, optionsOf(c));
    },
  };
}

/** See {@link createCookies}. */
export type Cookies = ReturnType<typeof createCookies>;
