import { type Context, Hono } from 'hono';
import type { Encryption } from '../db/encryption.ts';
import type { ApiKey } from '../http/api-key.ts';
import { mayComeFrom } from '../http/authorize.ts';
import { limitByAddress } from '../http/rate-limit.ts';
import { openLink } from '../http/sign-in-link.ts';
import { answerPage } from './answer.tsx';
import { Layout } from './layout.tsx';
import { Field, Form, mistakeAt } from './parts/form.tsx';
import { closeSession, openSession, type Session } from './session.ts';
import { addressOf, cookieNames, requireSignIn, type SignedInOptions } from './signed-in.ts';
import { type PageEnv, themes } from './view.ts';

/** What the sign-in works with. */
export type SignInOptions = SignedInOptions & {
  encryption: Encryption;
  findKey: (text: string) => Promise<ApiKey | null>;
};

/** Tries to sign in from one address: a key cannot be guessed, and nobody types one wrong more often. */
const attempts = { requests: 20, windowMs: 15 * 60_000 };
/** Seconds for which a browser remembers the colours: a year. */
const themeMaxAge = 365 * 24 * 3600;

/** Signing in by an API key or a link, signing out, and the choice of colours. */
export function signInRoutes(options: SignInOptions) {
  const { db, encryption, credentials, cookies, findKey, trustProxy } = options;
  const router = new Hono<PageEnv>();
  const limited = limitByAddress(attempts, trustProxy);

  async function signIn(c: Context<PageEnv>, session: Omit<Session, 'hash'> & { link?: string }) {
    const token = await openSession(db, session);
    if (token) cookies.set(c, cookieNames.session, token);
    return token !== null;
  }

  router.get('/sign-in', (c) => answerPage(c, <SignInPage next={c.req.query('next') ?? ''} />));

  router.post('/sign-in', limited, async (c) => {
    const { key: text, next } = await c.req.parseBody();
    const path = typeof next === 'string' ? next : '';
    const found = typeof text === 'string' ? await findKey(text.trim()) : null;
    const mistake = refuse(found, addressOf(c, trustProxy));
    if (!found || mistake) return answerPage(c, <SignInPage next={path} mistake={mistake} />, 401);
    await signIn(c, { kind: 'key', keyId: credentials.of(found), locationId: null });
    return c.redirect(isOurs(path) ? path : '/', 303);
  });

  router.get('/sign-in/:link', limited, async (c) => {
    const sealed = c.req.param('link');
    const link = openLink(encryption, sealed);
    if (!link || !(await credentials.recall(link.credential))) return answerPage(c, <EndedLinkPage />, 410);
    const { credential: keyId, locationId, once } = link;
    const isOpened = await signIn(c, { kind: 'link', keyId, locationId, ...(once && { link: sealed }) });
    if (!isOpened) return answerPage(c, <EndedLinkPage />, 410);
    return c.redirect(locationId === null ? '/' : `/locations/${locationId}`, 303);
  });

  router.post('/sign-out', requireSignIn(options), async (c) => {
    await closeSession(db, c.var.session);
    cookies.clear(c, cookieNames.session);
    return c.redirect('/sign-in', 303);
  });

  router.post('/theme', async (c) => {
    const { theme } = await c.req.parseBody();
    const known = themes.find((name) => name === theme) ?? 'system';
    cookies.set(c, cookieNames.theme, known, themeMaxAge);
    return c.redirect(pathOf(c.req.header('referer')), 303);
  });

  return router;
}

/** What is wrong with a key for a sign-in, in words; undefined when nothing is. */
function refuse(key: ApiKey | null, address: string): string | undefined {
  if (!key) return 'This API key is unknown, revoked or expired.';
  if (!mayComeFrom(key, address)) return `This API key may not be used from your address, ${address}.`;
  if (!key.scopes.some((scope) => scope === 'admin' || scope === 'settings:read'))
    return 'This API key may not see settings: use one with the scope settings:read or admin.';
  return undefined;
}

/** A path on this site, and not `//elsewhere`, which browsers take for another. */
function isOurs(path: string): boolean {
  return /^\/(?![/\\])/.test(path);
}

/** The path that a form was sent from, as far as the browser tells. */
function pathOf(referer: string | undefined): string {
  if (!referer || !URL.canParse(referer)) return '/';
  const { pathname, search } = new URL(referer);
  return isOurs(pathname) ? pathname + search : '/';
}

function SignInPage({ next, mistake }: { next: string; mistake?: string | undefined }) {
  return (
    <Layout title="Sign in">
      <section class="card narrow">
        <h1>Sign in</h1>
        <p>Sign in with an API key to see and change where your session events are sent.</p>
        <Form action="/sign-in" label="Sign in">
          <input type="hidden" name="next" value={next} />
          <Field
            label="API key"
            name="key"
            hint="It begins with bellhop_, or is the one that your operator has set."
            mistake={mistakeAt(mistake ? [{ path: 'key', message: mistake }] : [], 'key')}
            hasFocus
          >
            {(attributes) => (
              <input
                {...attributes}
                type="password"
                required
                autocomplete="current-password"
                spellcheck={false}
              />
            )}
          </Field>
          <button class="primary">Sign in</button>
        </Form>
        <p class="hint">
          No key? Open “API &amp; Webhooks” in your booking system: it leads here without one.
        </p>
      </section>
    </Layout>
  );
}

function EndedLinkPage() {
  return (
    <Layout title="This link has ended">
      <section class="card narrow">
        <h1>This link has ended</h1>
        <p>
          It was made for a short time, or for one use only. Go back to where you found it and open it anew.
        </p>
        <a class="button" href="/sign-in">
          Sign in with an API key
        </a>
      </section>
    </Layout>
  );
}
