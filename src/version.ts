import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { root } from './root.ts';

const manifest = readFileSync(new URL('package.json', root), 'utf8');

/** The version of this Bellhop, e.g. `0.1.0`. */
export const { version } = z.object({ version: z.string() }).parse(JSON.parse(manifest));
