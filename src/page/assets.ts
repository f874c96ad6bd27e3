import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { Hono } from 'hono';
import { root } from '../root.ts';

const types = {
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  svg: 'image/svg+xml',
} as const;

type Asset = { body: string; type: string; path: string };

async function load(name: string, type: keyof typeof types, file: URL | string): Promise<Asset> {
  const body = await readFile(file, 'utf8');
  const version = createHash('sha256').update(body).digest('hex').slice(0, 12);
  return { body, type: types[type], path: `/assets/${version}/${name}.${type}` };
}

const own = (file: string) => new URL(`src/page/assets/${file}`, root);
const { resolve } = createRequire(root);

/** The files that the page loads, ours, those of htmx and of Swagger UI. A path changes with its content, so browsers may keep both for good. */
export const assets = {
  css: await load('page', 'css', own('page.css')),
  script: await load('page', 'js', own('page.js')),
  icon: await load('icon', 'svg', own('icon.svg')),
  htmx: await load('htmx', 'js', resolve('htmx.org/dist/htmx.min.js')),
  sse: await load('sse', 'js', resolve('htmx-ext-sse/dist/sse.min.js')),
  docsCss: await load('docs', 'css', own('docs.css')),
  docs: await load('docs', 'js', own('docs.js')),
  swaggerCss: await load('swagger-ui', 'css', resolve('swagger-ui-dist/swagger-ui.css')),
  swagger: await load('swagger-ui', 'js', resolve('swagger-ui-dist/swagger-ui-bundle.js')),
};

/** Serves them. */
export function assetRoutes() {
  const router = new Hono();
  for (const { path, body, type } of Object.values(assets))
    router.get(path, (c) =>
      c.body(body, 200, {
        'content-type': type,
        'cache-control': 'public, max-age=31536000, immutable',
        'x-content-type-options': 'nosniff',
      }),
    );
  return router;
}
