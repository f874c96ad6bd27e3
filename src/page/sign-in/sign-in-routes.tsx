import { type Context, Hono } from 'hono';
import type { Encryption } from '../../db/encryption.ts';
import { z } from '@hono/zod-openapi';
import type { ApiKey, FoundKey } from '../../http/api-key.ts';
import { audited } from '../../http/audit.ts';
import { isProblemStatus, type ProblemStatus } from '../../http/problem.ts';
import { openLink } from '../../http/sign-in-link.ts';
import { answerPage } from '../answer.tsx';
import { createApi, type Refusal } from '../api.ts';
import { readForm } from '../forms/form-values.ts';
import { Layout } from '../layout.tsx';
import { Field, Form, mistakeAt } from '../parts/form.tsx';
import { closeSession, openSession, type Session } from './session.ts';
import { addressOf, cookieNames, requireSignIn, type SignedInOptions } from './signed-in.ts';
import { type PageEnv, themes } from '../view.ts';

/** What the sign-in works with. */
export type SignInOptions = SignedInOptions & {
  encryption: Encryption;
  findKey: (text: string) => Promise<FoundKey | null>;
};

/** Seconds for which a browser remembers the colours: a year. */
const themeMaxAge = 365 * 24 * 3600;

/** Signing in by an API key or a link, signing out, and the choice of colours. */
export function signInRoutes(options: SignInOptions) {
  const { db, encryption, credentials, cookies, findKey, trustProxy } = options;
  const router = new Hono<PageEnv>();

  /** @returns whether a session was opened: not by a link that opens once, and has. */
  async function signIn(c: Context<PageEnv>, kind: Session['kind'], key: ApiKey, opening: Opening) {
    const { locationId } = opening;
    const address = addressOf(c, trustProxy);
    const caller = { kind: kind === 'key' ? 'page' : 'link', key, address } as const;
    const doing = { caller, requestId: c.var.requestId };
    const token = await audited<string | null>(db, doing, async (tx) => {
      const opened = await openSession(tx, { kind, keyId: credentials.of(key), ...opening });
      return [opened, opened ? { action: 'session.opened', locationId, target: key.id } : null];
    });
    if (token) cookies.set(c, cookieNames.session, token);
    return token !== null;
  }

  /** Asks the API, which knows what is wrong with a key, keeps a record of it, and stops who tries many. */
  async function refuse(c: Context<PageEnv>, text: string): Promise<Refusal | null> {
    if (!/^[\x21-\x7e]{1,512}$/.test(text))
      return { status: 401, detail: 'This is not an API key.', errors: [] };
    const forwarded = c.req.header('x-forwarded-for');
    const headers = { authorization: `Bearer ${text}`, ...(forwarded && { 'x-forwarded-for': forwarded }) };
    const api = createApi((path) => options.call(path, { headers }, c.env));
    const { refusal } = await api.send('GET', '/v1/locations?limit=1', undefined, z.unknown());
    return refusal;
  }

  router.get('/sign-in', (c) => answerPage(c, <SignInPage next={c.req.query('next') ?? ''} />));

  router.post('/sign-in', async (c) => {
    const { one } = await readForm(c);
    const text = one('key').trim();
    const refusal = await refuse(c, text);
    const found = refusal ? null : await findKey(text);
    if (!found)
      return answerPage(c, <SignInPage next={one('next')} mistake={refusal?.detail} />, statusOf(refusal));
    await signIn(c, 'key', found.key, { locationId: null });
    return c.redirect(isOurs(one('next')) ? one('next') : '/', 303);
  });

  router.get('/sign-in/:link', async (c) => {
    const sealed = c.req.param('link');
    const link = openLink(encryption, sealed);
    const key = link && (await credentials.recall(link.credential));
    if (!link || !key) return answerPage(c, <EndedLinkPage />, 410);
    const { locationId, once } = link;
    const isOpened = await signIn(c, 'link', key, { locationId, ...(once && { link: sealed }) });
    if (!isOpened) return answerPage(c, <EndedLinkPage />, 410);
    return c.redirect(locationId === null ? '/' : `/locations/${locationId}`, 303);
  });

  router.post('/sign-out', requireSignIn(options), async (c) => {
    const { session, caller } = c.var;
    await audited(db, c.var, async (tx) => {
      await closeSession(tx, session);
      return [null, { action: 'session.closed', locationId: session.locationId, target: caller.key.id }];
    });
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

function statusOf(refusal: Refusal | null): ProblemStatus {
  return refusal && isProblemStatus(refusal.status) ? refusal.status : 401;
}

/** Where a session opens, and by which link that opens once. */
type Opening = { locationId: string | null; link?: string };

/** A path on this site: not `//elsewhere`, nor one with a tab or line feed, which browsers leave out before they look. */
function isOurs(path: string): boolean {
  return /^\/(?![/\\])[\x21-\x7e]*$/.test(path);
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
