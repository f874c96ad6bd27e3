import { readdirSync, readFileSync } from 'node:fs';

/** Every page that people read, by its path. */
export const pages = [
  'README.md',
  'CHANGELOG.md',
  ...readdirSync('docs', { recursive: true, encoding: 'utf8' }).map((path) => `docs/${path}`),
].filter((path) => path.endsWith('.md'));

/**
 * What stands between two fences. `marks` are the words behind the language: `no-run` (nothing here can run it), `stays` (it
 * runs until it is ended), `refused` (it fails, and that is the point). `line` is where it begins.
 */
export type Block = { page: string; line: number; language: string; marks: string[]; text: string };

/** The blocks of a page, in their order. */
export function blocksOf(page: string): Block[] {
  const text = readFileSync(page, 'utf8');
  return [...text.matchAll(/^( *)```([^\n]*)\n(.*?)^ *```$/gms)].map(
    ({ index, 1: indent = '', 2: info = '', 3: inside = '' }) => {
      const [language = '', ...marks] = info.split(' ');
      const line = text.slice(0, index).split('\n').length;
      return { page, line, language, marks, text: inside.replaceAll(new RegExp(`^${indent}`, 'gm'), '') };
    },
  );
}

/** A page without what stands between fences. */
export function proseOf(page: string): string {
  return readFileSync(page, 'utf8').replaceAll(/^ *```.*?^ *```$/gms, '');
}
