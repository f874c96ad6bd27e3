import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

/** Bundles the programs into `dist`, or the folder that is named: see docs/decisions/build.md. */

const root = fileURLToPath(new URL('.', import.meta.url));
const folder = resolve(process.argv[2] ?? join(root, 'dist'));

const { outputFiles } = await build({
  absWorkingDir: root,
  entryPoints: ['main', 'demo', 'cli', 'after-restore'].map((program) => `src/${program}.ts`),
  outdir: folder,
  bundle: true,
  splitting: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  external: ['@opentelemetry/*'],
  // Libraries that are not modules ask for modules of Node.js by `require`.
  banner: {
    js: "import { createRequire as createRequireForBundle } from 'node:module'; const require = createRequireForBundle(import.meta.url);",
  },
  logLevel: 'warning',
  write: false,
});

// Others may be running or packing what is there: files that have not changed are not touched, the rest is replaced whole.
await mkdir(folder, { recursive: true });
for (const { path, contents } of outputFiles) {
  const old = await readFile(path).catch(() => null);
  if (old?.equals(contents)) continue;
  const whole = `${path}.${process.pid}`;
  await writeFile(whole, contents);
  await rename(whole, path);
}

const current = new Set(outputFiles.map(({ path }) => basename(path)));
const stale = (await readdir(folder)).filter((name) => name.endsWith('.js') && !current.has(name));
await Promise.all(stale.map((name) => rm(join(folder, name), { force: true })));
