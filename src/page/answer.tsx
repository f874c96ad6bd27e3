import type { Context } from 'hono';
import { raw } from 'hono/html';
import type { Child } from 'hono/jsx';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { type PageEnv, ViewContext } from './view.ts';

/** Answers with a page. */
export function answerPage(c: Context<PageEnv>, page: Child, status: ContentfulStatusCode = 200) {
  return c.html(
    <>
      {raw('<!doctype html>')}
      <ViewContext.Provider value={c.var.view}>{page}</ViewContext.Provider>
    </>,
    status,
  );
}

/** Answers with a part of a page, for htmx to put in its place. */
export function answerPart(c: Context<PageEnv>, part: Child) {
  return c.html(<ViewContext.Provider value={c.var.view}>{part}</ViewContext.Provider>);
}

/** Whether htmx asks, which needs only the part that changes. */
export function wantsPart(c: Context): boolean {
  return c.req.header('hx-request') === 'true';
}

/** Leads on from a form that did what it was for, to a page that says so once. */
export function leadOn(c: Context<PageEnv>, path: string, done: string) {
  c.var.leave({ kind: 'done', text: done });
  return c.redirect(path, 303);
}

/** Leads on from a form that made a secret, to a page that shows it once. */
export function leadToSecret(
  c: Context<PageEnv>,
  path: string,
  shown: { title: string; secret: string; note: string },
) {
  c.var.leave({ kind: 'secret', ...shown });
  return c.redirect(path, 303);
}
