import { type Context, Hono } from 'hono';
import { createMiddleware } from 'hono/factory';
import { secureHeaders } from 'hono/secure-headers';
import { logger } from '../logger.ts';
import type { CidrList } from '../delivery/url-guard.ts';
import { strictBody } from '../http/body.ts';
import { toProblem } from '../http/problem.ts';
import { answerPage } from './answer.tsx';
import { assetRoutes } from './assets.ts';
import { docsRoutes } from './docs-routes.tsx';
import { type CookieRules, createCookies } from './sign-in/cookies.ts';
import { createFlashes } from './sign-in/flash.ts';
import { Layout } from './layout.tsx';
import { locationsRoutes } from './locations-routes.tsx';
import { sameOriginForms } from './sign-in/same-origin.ts';
import { signInRoutes, type SignInOptions } from './sign-in/sign-in-routes.tsx';
import { drawForAnybody, requireSignIn } from './sign-in/signed-in.ts';
import type { PageEnv } from './view.ts';

/** What the page works with. */
export type PageOptions = Omit<SignInOptions, 'cookies' | 'flashes'> & CookieRules & { allowCidrs: CidrList };

/** Where the page is; everything else is not its business. */
const openPaths = ['/sign-in', '/sign-in/*', '/sign-out', '/theme'];
const signedInPaths = ['/', '/locations', '/locations/*', '/keys', '/keys/*'];

/** Bytes of a form. */
const maxFormBytes = 1024 * 1024;

/** The "API & Webhooks" page: everything a venue's admin needs, drawn here, on the API that everybody uses. */
export function pageRoutes({ publicUrl, frameAncestors, allowCidrs, ...more }: PageOptions) {
  const cookies = createCookies({ publicUrl, frameAncestors, trustProxy: more.trustProxy });
  const options = { ...more, cookies, flashes: createFlashes(more.encryption, cookies) };
  const router = new Hono<PageEnv>();
  router.onError(showError);
  router.route('/', assetRoutes());
  // Swagger UI has its pictures in its style sheet.
  router.use('/docs', securityHeaders(frameAncestors, ["'self'", 'data:']));
  router.route('/', docsRoutes());
  for (const path of [...openPaths, ...signedInPaths]) {
    router.use(path, drawForAnybody(options), securityHeaders(frameAncestors), keptNowhere);
    router.use(path, sameOriginForms(publicUrl), strictBody(maxFormBytes));
  }
  router.route('/', signInRoutes(options));
  for (const path of signedInPaths) router.use(path, requireSignIn(options));
  router.get('/', ({ var: { view }, redirect }) =>
    redirect(view.onlyLocationId ? `/locations/${view.onlyLocationId}` : '/locations', 303),
  );
  router.route('/', locationsRoutes({ allowCidrs, publicUrl }));
  return router;
}

/** By the way back, nobody sees a page who is signed out, and nobody a secret again. */
const keptNowhere = createMiddleware(async (c, next) => {
  c.header('cache-control', 'no-store');
  await next();
});

function securityHeaders(frameAncestors: string[], imgSrc = ["'self'"]) {
  return secureHeaders({
    contentSecurityPolicy: {
      defaultSrc: ["'none'"],
      scriptSrc: ["'self'"],
      styleSrc: ["'self'"],
      imgSrc,
      connectSrc: ["'self'"],
      formAction: ["'self'"],
      baseUri: ["'none'"],
      frameAncestors: frameAncestors.length > 0 ? frameAncestors : ["'none'"],
    },
    // The policy above says it, also where frames are allowed.
    xFrameOptions: false,
    // The browser must say where a form comes from, which it does not under `no-referrer`.
    referrerPolicy: 'same-origin',
    strictTransportSecurity: false,
    crossOriginResourcePolicy: false,
  });
}

/** What went wrong, as a page: a refusal in its own words, a fault of ours without any. */
function showError(error: Error, c: Context<PageEnv>) {
  const { status, message } = toProblem(error);
  if (status >= 500) logger.error({ err: error, requestId: c.var.requestId }, 'page failed');
  const title = titles[status] ?? 'That did not work';
  return answerPage(
    c,
    <Layout title={title}>
      <section class="card narrow">
        <h1>{title}</h1>
        <p>{message}</p>
        <p class="hint">Request {c.var.requestId}</p>
        <a class="button" href="/">
          Go to the first page
        </a>
      </section>
    </Layout>,
    status,
  );
}

const titles: Partial<Record<number, string>> = {
  403: 'Not allowed',
  404: 'Not found',
  429: 'Too many tries',
  500: 'Something went wrong',
  503: 'Not available right now',
};
