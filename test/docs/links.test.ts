import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { pages, proseOf } from './pages.ts';

/** The anchors of a page's headings, as GitHub names them: one that comes again is numbered. */
function anchorsOf(page: string): string[] {
  const seen = new Map<string, number>();
  return [...proseOf(page).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) => {
    const anchor = heading
      .toLowerCase()
      .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-');
    const before = seen.get(anchor) ?? 0;
    seen.set(anchor, before + 1);
    return before === 0 ? anchor : `${anchor}-${before}`;
  });
}

function linksOf(page: string): string[] {
  const text = proseOf(page);
  const links = [...text.matchAll(/\]\(([^()\s]+)\)/g), ...text.matchAll(/(?:src|srcset|href)="([^"]+)"/g)];
  return links.map(([, link = '']) => link).filter((link) => !/^(https?|mailto):/.test(link));
}

/** Why a link of a page leads nowhere; null when it leads somewhere. */
function deadness(page: string, link: string): string | null {
  const [path = '', anchor] = link.split('#');
  const target = path === '' ? page : join(dirname(page), path);
  if (!existsSync(target)) return `${link}: no such file`;
  if (anchor === undefined) return null;
  if (statSync(target).isDirectory() || !target.endsWith('.md')) return `${link}: not a page`;
  return anchorsOf(target).includes(anchor) ? null : `${link}: no such heading`;
}

it.each(pages)('the links of %s lead somewhere', (page) => {
  expect(linksOf(page).flatMap((link) => deadness(page, link) ?? [])).toEqual([]);
});

it('every page is in the index of the docs', () => {
  const index = linksOf('docs/README.md').map((link) => join('docs', link));
  const all = pages.filter((page) => page.startsWith('docs/') && page !== 'docs/README.md');
  expect(index).toEqual(expect.arrayContaining(all));
});

describe('a link', () => {
  it.each(['nowhere.md', '#nowhere', 'configuration.md#nowhere', '../src#nowhere'])(
    'to %s is dead',
    (link) => {
      expect(deadness('docs/README.md', link)).toContain(link);
    },
  );

  it.each(['configuration.md', '../README.md', '#the-pages-by-reader', 'operations.md#the-backlog-grows'])(
    'to %s is not',
    (link) => expect(deadness('docs/README.md', link)).toBeNull(),
  );
});

it('every variable is on the page about configuration and in the example, and no other', () => {
  const variables = [...readFileSync('src/config.ts', 'utf8').matchAll(/^ {4}([A-Z_]+):/gm)].map(
    ([, name]) => name,
  );
  const rows = readFileSync('docs/configuration.md', 'utf8').match(/^\| `.*?\|/gm) ?? [];
  const named = rows.flatMap((row) => row.match(/[A-Z][A-Z_]+/g) ?? []);
  const example = readFileSync('.env.example', 'utf8').match(/^[A-Z_]+(?==)/gm);
  expect(new Set(named)).toEqual(new Set(variables));
  expect(new Set(example)).toEqual(new Set(variables));
});

it('the runbooks that alerts link to are there', () => {
  expect(anchorsOf('docs/operations.md')).toEqual(
    expect.arrayContaining([
      'events-are-late',
      'deliveries-fail',
      'deliveries-are-abandoned',
      'the-database-does-not-answer',
      'intake-fails',
      'the-backlog-grows',
      'a-process-is-down',
    ]),
  );
});
