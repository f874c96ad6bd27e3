import type { Context } from 'hono';
import { z } from '@hono/zod-openapi';
import type { Encryption } from '../../db/encryption.ts';
import type { PageEnv } from '../view.ts';
import type { Cookies } from './cookies.ts';

const flashSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('done'), text: z.string() }),
  z.object({ kind: z.literal('secret'), title: z.string(), secret: z.string(), note: z.string() }),
]);

/** What the page behind a form's redirect shows once: that something was done, or a secret that nobody sees again. */
export type Flash = z.output<typeof flashSchema>;

const ownerOf = (sessionHash: string) => `flash ${sessionHash}`;
const cookie = 'bellhop-flash';
/** Seconds in which the browser follows the redirect. */
const maxAge = 60;

/** Flashes travel in a cookie that only the session they are for can open: the server keeps nothing of them. */
export function createFlashes(encryption: Encryption, cookies: Cookies) {
  return {
    leave(c: Context<PageEnv>, sessionHash: string, flash: Flash): void {
      cookies.set(c, cookie, encryption.seal(JSON.stringify(flash), ownerOf(sessionHash)), maxAge);
    },

    /** What was left for this page, which the browser then forgets. */
    take(c: Context<PageEnv>, sessionHash: string): Flash | null {
      const sealed = cookies.get(c, cookie);
      if (!sealed) return null;
      cookies.clear(c, cookie);
      try {
        return flashSchema.parse(JSON.parse(encryption.open(sealed, ownerOf(sessionHash))));
      } catch {
        return null; // of another session, or not ours: a browser may send anything
      }
    },
  };
}

/** See {@link createFlashes}. */
export type Flashes = ReturnType<typeof createFlashes>;
