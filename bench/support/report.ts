import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { drawChart } from './chart.ts';
import { isReached, type Result, type Target } from './result.ts';

/** A run of the bench, as `bench.json` holds it. */
export type Report = {
  machine: { cpu: string; cores: number; node: string; loadBefore: number; loadAfter: number };
  startedAt: string;
  repeat: number;
  scale: number;
  /** What could not take part. */
  leftOut: string[];
  results: Result[];
};

/** The report for people, in Markdown: a table for each scenario, then the ratios. */
export function format(report: Report): string {
  const { machine, results, leftOut } = report;
  return [
    `${machine.cores} cores of ${machine.cpu}, Node.js ${machine.node}, ${report.startedAt.slice(0, 10)}. ` +
      `Load average ${machine.loadBefore.toFixed(1)} before, ${machine.loadAfter.toFixed(1)} after. ` +
      `Medians of ${report.repeat} rounds${report.scale === 1 ? '' : `, at ${report.scale} of the size`}.`,
    ...(leftOut.length > 0 ? [`Left out, not asked for or not installed: ${leftOut.join(', ')}.`] : []),
    ...results.map(formatResult),
    table(
      ['target', 'ratio', 'by CPU', 'asked', ''],
      results.flatMap(({ scenario, targets }) => targets.map((target) => formatTarget(scenario, target))),
    ),
  ].join('\n\n');
}

function formatResult({ scenario, title, rows }: Result): string {
  const columns = Object.keys(rows[0]?.values ?? {});
  const lines = rows.map(({ name, values }) => [name, ...columns.map((column) => round(values[column]))]);
  return `**${scenario}**: ${title}\n\n${table(['', ...columns], lines)}`;
}

function formatTarget(scenario: string, target: Target): string[] {
  const asked = 'atLeast' in target ? `≥ ${target.atLeast}` : `≤ ${target.atMost}`;
  const byCpu = target.byCpu === undefined ? '' : round(target.byCpu);
  return [`${scenario}: ${target.what}`, round(target.ratio), byCpu, asked, isReached(target) ? 'yes' : 'no'];
}

/** A table of Markdown, that is also one on a terminal. */
function table(head: string[], lines: string[][]): string {
  const widths = head.map((_, index) =>
    Math.max(3, ...[head, ...lines].map((line) => line[index]?.length ?? 0)),
  );
  const pad = (line: string[]) =>
    line.map((cell, index) =>
      index === 0 ? cell.padEnd(widths[index] ?? 0) : cell.padStart(widths[index] ?? 0),
    );
  const rule = widths.map((width, index) => (index === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`));
  return [pad(head), rule, ...lines.map(pad)].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

/** Three significant digits, and no fewer than the whole number. */
function round(number = Number.NaN): string {
  if (Number.isNaN(number)) return '–';
  return Math.abs(number) >= 100
    ? Math.round(number).toLocaleString('en')
    : String(Number(number.toPrecision(3)));
}

const begin = '<!-- bench: begin, written by npm run bench -->';
const end = '<!-- bench: end -->';

/** Writes `bench.json` and the charts into a folder, and the tables into the page beside it, where there is one. */
export async function writeReport(folder: string, report: Report): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'bench.json'), `${JSON.stringify(report, null, 2)}\n`);
  await writeFile(join(folder, 'bench.svg'), drawChart(report.results));
  const page = `${folder.replace(/\/+$/, '')}.md`;
  const text = await readFile(page, 'utf8').catch(() => '');
  const [before, rest] = text.split(begin);
  const [, after] = rest?.split(end) ?? [];
  if (after === undefined) return;
  const name = basename(folder);
  const chart = `![Bars of what each contestant reaches](${name}/bench.svg)\n\nThe numbers, for programs: [bench.json](${name}/bench.json).`;
  await writeFile(page, `${before}${begin}\n\n${chart}\n\n${format(report)}\n\n${end}${after}`);
}
