import { readFileSync } from 'node:fs';

/** The variables that Bellhop reads. */
export const variables = [...readFileSync('src/config.ts', 'utf8').matchAll(/^ {4}([A-Z_]+):/gm)].map(
  ([, name = '']) => name,
);

/** The version that images are tagged with. */
export const { version }: { version: string } = JSON.parse(readFileSync('package.json', 'utf8'));

/** Milliseconds that a stop may take. */
export const stopLimitMs = Number(
  /stopLimitMs = ([\d_]+)/.exec(readFileSync('src/main.ts', 'utf8'))?.[1]?.replace('_', ''),
);
