import { cpus, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { batch, drain } from './scenarios/drain.ts';
import { growth } from './scenarios/growth.ts';
import { hanging } from './scenarios/hanging.ts';
import { intake } from './scenarios/intake.ts';
import { latency } from './scenarios/latency.ts';
import { start } from './scenarios/start.ts';
import { twoProcesses } from './scenarios/two-processes.ts';
import { WrongCount } from './support/receiver.ts';
import { format, type Report, writeReport } from './support/report.ts';
import type { Result } from './support/result.ts';
import { createWorld, peers, type Size, type Stops, type World } from './support/world.ts';

const scenarios: Record<string, (world: World) => Promise<Result>> = {
  drain,
  batch,
  latency,
  intake,
  growth,
  hanging,
  'two-processes': twoProcesses,
  start,
};

const { values } = parseArgs({
  options: {
    /** Names of scenarios, comma-separated. */
    only: { type: 'string' },
    repeat: { type: 'string' },
    scale: { type: 'string' },
    /** Everything once, tiny, with Bellhop and the limit alone: whether it runs at all. */
    smoke: { type: 'boolean', default: false },
    /** The folder for the numbers and the charts. Only whole runs go to the documentation by themselves. */
    out: { type: 'string' },
  },
});

const stops: Stops = [];
let isInterrupted = false;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(signal, () => {
    // A terminal and npm may both pass on the same Ctrl-C.
    if (!isInterrupted) void stopAll().finally(() => process.exit(130));
    isInterrupted = true;
  });
try {
  process.exitCode = await main();
} catch (error) {
  // What is interrupted fails, which is no news.
  if (isInterrupted) await new Promise<never>(() => {});
  throw error;
} finally {
  await stopAll();
}

/** Runs the scenarios, prints and writes what they measured. @returns the exit code: 1 when a count was wrong. */
async function main(): Promise<number> {
  const names = values.only?.split(',') ?? Object.keys(scenarios);
  const unknown = names.filter((name) => !scenarios[name]);
  if (unknown.length > 0)
    throw new Error(`There is no ${unknown.join()}: only ${Object.keys(scenarios).join(', ')}.`);
  const size = readSize();
  const [loadBefore = 0] = loadavg();
  const startedAt = new Date().toISOString();
  const world = await createWorld(size, stops);
  const results: Result[] = [];
  let isWrong = false;
  for (const name of names) {
    process.stderr.write(`${name}\n`);
    const result = await runScenario(name, world);
    if (result === null) isWrong = true;
    else results.push(result);
  }
  const machine = describeMachine(loadBefore);
  const leftOut = peers.filter((name) => !world.peers.includes(name));
  const report: Report = { machine, startedAt, repeat: size.repeat, scale: size.scale, leftOut, results };
  process.stdout.write(`${format(report)}\n`);
  await writeReport(values.out ?? (isWhole(names, size) ? 'docs/performance' : 'data/bench'), report);
  return isWrong ? 1 : 0;
}

/** @returns null when a count was wrong. */
async function runScenario(name: string, world: World): Promise<Result | null> {
  try {
    return (await scenarios[name]?.(world)) ?? null;
  } catch (error) {
    if (!(error instanceof WrongCount)) throw error;
    process.stderr.write(`WRONG COUNT in ${name}: ${error.message}\n`);
    return null;
  }
}

function readSize(): Size {
  const scale = Number(values.scale ?? (values.smoke ? 0.001 : 1));
  const repeat = Number(values.repeat ?? (values.smoke ? 1 : 3));
  const locations = Math.max(20, Math.round(1000 * Math.min(1, scale * 5)));
  return { scale, repeat, locations, withPeers: !values.smoke };
}

function isWhole(names: string[], { scale }: Size): boolean {
  return scale === 1 && names.length === Object.keys(scenarios).length;
}

function describeMachine(loadBefore: number): Report['machine'] {
  const [{ model } = { model: 'unknown' }] = cpus();
  const [loadAfter = 0] = loadavg();
  return { cpu: model.trim(), cores: cpus().length, node: process.versions.node, loadBefore, loadAfter };
}

async function stopAll(): Promise<void> {
  for (const stop of stops.splice(0).toReversed()) await stop();
}
