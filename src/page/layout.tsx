import type { Child } from 'hono/jsx';
import { assets } from './assets.ts';
import { Flashed } from './parts/flashed.tsx';
import { Form } from './parts/form.tsx';
import { type Theme, themes, useView } from './view.ts';

/** Where a page is: each place with its path, the last being the page itself. */
export type Crumb = { title: string; path: string };

/** A whole page: its head, the bar on top with where it is, what there is to say once, and its content. */
export function Layout({
  title,
  crumbs = [],
  tabs,
  children,
}: {
  title: string;
  crumbs?: Crumb[];
  /** Where else one may go from here, above all that the page says. */
  tabs?: Child;
  children?: Child;
}) {
  const { theme } = useView();
  return (
    <html lang="en" data-theme={theme}>
      <Head
        title={[
          title,
          ...crumbs
            .slice(0, -1)
            .map((crumb) => crumb.title)
            .toReversed(),
        ].join(' · ')}
      />
      <body>
        <a class="skip" href="#main">
          Skip to the content
        </a>
        <TopBar crumbs={crumbs} />
        <main id="main" tabindex={-1}>
          {tabs}
          <Flashed />
          {children}
        </main>
        <div id="announcer" class="unseen" aria-live="polite" />
      </body>
    </html>
  );
}

/** No code but our own runs, in files of our own: htmx is told so too. */
const htmxConfig = JSON.stringify({
  includeIndicatorStyles: false,
  allowEval: false,
  allowScriptTags: false,
  selfRequestsOnly: true,
  historyEnabled: false,
  // Not the style that a browser gives a field that somebody resizes: our policy lets no script set one.
  attributesToSettle: ['class', 'width', 'height'],
  // A refused form comes back with its mistakes, to be shown like any other answer.
  responseHandling: [
    { code: '204', swap: false },
    { code: '...', swap: true },
  ],
});

function Head({ title }: { title: string }) {
  return (
    <head>
      <meta charset="utf-8" />
      <title>{`${title} · Bellhop`}</title>
      <meta name="viewport" content="width=device-width, initial-scale=1" />
      <meta name="color-scheme" content="light dark" />
      <meta name="htmx-config" content={htmxConfig} />
      <link rel="icon" href={assets.icon.path} type="image/svg+xml" />
      <link rel="stylesheet" href={assets.css.path} />
      <script src={assets.htmx.path} defer />
      <script src={assets.sse.path} defer />
      <script src={assets.script.path} defer />
    </head>
  );
}

function TopBar({ crumbs }: { crumbs: Crumb[] }) {
  const { isSignedIn } = useView();
  return (
    <header class="top">
      <div class="wide row">
        <a class="brand" href="/">
          <img src={assets.icon.path} alt="" width="24" height="24" />
          Bellhop
        </a>
        {crumbs.length > 0 && (
          <nav class="crumbs" aria-label="Breadcrumb">
            <ol>
              {crumbs.map(({ title, path }, n) => (
                <li>
                  {n === crumbs.length - 1 ? (
                    <span aria-current="page">{title}</span>
                  ) : (
                    <a href={path}>{title}</a>
                  )}
                </li>
              ))}
            </ol>
          </nav>
        )}
        <span class="space" />
        <ThemeSwitch />
        {isSignedIn && (
          <Form action="/sign-out">
            <button class="plain">Sign out</button>
          </Form>
        )}
      </div>
    </header>
  );
}

const themeTitles: Record<Theme, string> = { system: 'Auto', light: 'Light', dark: 'Dark' };

function ThemeSwitch() {
  const { theme } = useView();
  return (
    <Form action="/theme" class="segments" label="Colours">
      {themes.map((name) => (
        <button name="theme" value={name} aria-pressed={name === theme ? 'true' : 'false'}>
          {themeTitles[name]}
        </button>
      ))}
    </Form>
  );
}
