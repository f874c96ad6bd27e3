import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { compileTemplate, TemplateError } from '../../src/flows/template.ts';
import { type Hostile, hostile } from './template-hostile.ts';

/** Compiling and rendering may take 250 ms each; the rest is for a machine that is busy with other tests. */
const maxElapsedMs = 1500;

/** What comes of a template. Throws whatever is no `TemplateError`. */
function outcome({ template, data }: Hostile): { output: string } | { error: string } {
  try {
    return { output: compileTemplate(template).render(data ?? {}) };
  } catch (error) {
    if (error instanceof TemplateError) return { error: error.message };
    throw error;
  }
}

function isExpected(got: ReturnType<typeof outcome>, { expected }: Hostile): boolean {
  if (typeof expected === 'string') return 'output' in got && got.output === expected;
  if ('output' in got) return expected.test(got.output);
  // On a busy machine, the time can be over before anything else is.
  return expected.test(got.error) || got.error === 'The template takes too long.';
}

describe.each(Object.entries(hostile))('a template that is hostile by %s', (_, templates) => {
  test.each(templates)('$name', (template) => {
    const startedAt = performance.now();
    const got = outcome(template);
    expect(performance.now() - startedAt).toBeLessThan(maxElapsedMs);
    const text = 'output' in got ? got.output : got.error;
    expect(text.length).toBeLessThanOrEqual(256 * 1024);
    expect(text).not.toMatch(/\[native code\]|=>|function \(|node_modules|\/src\//);
    const summary = JSON.stringify(got).slice(0, 200);
    expect(isExpected(got, template), `${summary} instead of ${template.expected}`).toBe(true);
  });
});

test('there are many of them', () => {
  expect(Object.values(hostile).flat().length).toBeGreaterThan(200);
});

describe('a hostile template', () => {
  test('gets by with a small heap, one after the other', async () => {
    const script = `
      const { compileTemplate, TemplateError } = await import(${JSON.stringify(path('../../src/flows/template.ts'))});
      const { hostile } = await import(${JSON.stringify(path('./template-hostile.ts'))});
      let most = 0;
      for (const { name, template, data } of hostile.memory) {
        global.gc();
        const before = process.memoryUsage().rss;
        try {
          compileTemplate(template).render(data ?? {});
        } catch (error) {
          if (!(error instanceof TemplateError)) throw new Error(name, { cause: error });
        }
        most = Math.max(most, process.memoryUsage().rss - before);
      }
      process.stdout.write(JSON.stringify({ most }));
    `;
    // The table itself, with its megabytes of data, takes about 30 MB of it. Out of memory, the process would abort.
    const flags = ['--max-old-space-size=224', '--expose-gc', '--import', 'tsx', '--input-type=module'];
    const { stdout } = await promisify(execFile)(process.execPath, [...flags, '--eval', script]);
    const { most } = JSON.parse(stdout);
    expect(most).toBeLessThan(224 * 1024 * 1024);
  }, 180_000);

  test('lets others have the process right afterwards, and leaves other templates alone', async () => {
    const template = compileTemplate('{{ a }}');
    const hungry = compileTemplate(
      '{% for i in range(10000) %}{% for j in range(10000) %}{% endfor %}{% endfor %}',
    );
    const startedAt = performance.now();
    const waiting = [1, 2, 3].map(
      () =>
        new Promise<number>((resolve) => {
          setTimeout(() => resolve(performance.now() - startedAt), 0);
        }),
    );
    expect(() => hungry.render({})).toThrow(TemplateError);
    const elapsedMs = performance.now() - startedAt;
    expect(elapsedMs).toBeLessThan(maxElapsedMs);
    const waitedMs = await Promise.all(waiting);
    expect(Math.max(...waitedMs) - elapsedMs).toBeLessThan(200);
    expect(template.render({ a: 'still here' })).toBe('still here');
  });
});

function path(relative: string): string {
  return fileURLToPath(new URL(relative, import.meta.url));
}
