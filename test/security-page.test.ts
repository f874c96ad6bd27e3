import { existsSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

it('every file that the page on security names is there', () => {
  const page = readFileSync('docs/security.md', 'utf8');
  const links = [...page.matchAll(/\]\(\.\.\/([^)#]+)\)/g)].map(([, path = '']) => path);
  expect(links.length).toBeGreaterThan(50);
  expect(links.filter((path) => !existsSync(path))).toEqual([]);
});
