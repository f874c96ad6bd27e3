import { Hono } from 'hono';
import { raw } from 'hono/html';
import { assets } from './assets.ts';

/** `/docs`: the specification of the API for people, to read without a key and to try out with one. */
export function docsRoutes() {
  return new Hono().get('/docs', (c) => c.html(<Docs />));
}

function Docs() {
  return (
    <>
      {raw('<!doctype html>')}
      <html lang="en">
        <head>
          <meta charset="utf-8" />
          <meta name="viewport" content="width=device-width, initial-scale=1" />
          <title>API · Bellhop</title>
          <link rel="icon" href={assets.icon.path} type="image/svg+xml" />
          <link rel="stylesheet" href={assets.swaggerCss.path} />
          <link rel="stylesheet" href={assets.docsCss.path} />
        </head>
        <body>
          <main id="docs">
            <noscript>
              This page needs JavaScript; the specification itself is at{' '}
              <a href="/openapi.json">/openapi.json</a>.
            </noscript>
          </main>
          <script src={assets.swagger.path} />
          <script src={assets.docs.path} />
        </body>
      </html>
    </>
  );
}
