import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';

const reportSchema = z.object({
  leftOut: z.array(z.string()),
  results: z.array(
    z.object({
      scenario: z.string(),
      rows: z.array(z.object({ name: z.string(), values: z.record(z.string(), z.number()) })),
      targets: z.array(z.object({ what: z.string(), ratio: z.number() })),
    }),
  ),
});

test('the bench, tiny and without peers, delivers every event once, prints its tables and writes its numbers', {
  timeout: 240_000,
}, async () => {
  const out = await mkdtemp(join(tmpdir(), 'bellhop-bench-test-'));
  onTestFinished(() => rm(out, { recursive: true }));
  const bench = spawn(
    process.execPath,
    ['--import', 'tsx', 'bench/bench.ts', '--smoke', '--only', 'drain,intake', '--out', out],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  onTestFinished(() => {
    bench.kill('SIGINT');
  });
  const [printed, progress, [code]] = await Promise.all([
    text(bench.stdout),
    text(bench.stderr),
    once(bench, 'exit'),
  ]);

  expect({ code, progress }).toMatchObject({ code: 0 });
  expect(printed).toMatch(/^\| bellhop +\|/m);
  expect(printed).toMatch(/^\| drain: events\/s, to limit +\|/m);
  const report = reportSchema.parse(JSON.parse(await readFile(join(out, 'bench.json'), 'utf8')));
  expect(report.leftOut).toContain('pg-boss');
  expect(report.results.map(({ scenario }) => scenario)).toEqual(['drain', 'intake']);
  for (const { rows } of report.results) expect(rows.map(({ name }) => name)).toEqual(['limit', 'bellhop']);
  // An event in each POST.
  for (const { values } of report.results[0]?.rows ?? []) expect(values['POSTs']).toBe(20);
  expect(await readFile(join(out, 'bench.svg'), 'utf8')).toContain('bellhop</text>');
});
