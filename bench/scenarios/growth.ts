import { startBellhop } from '../support/racers.ts';
import type { Result } from '../support/result.ts';
import { measureInTurn, medians } from '../support/rounds.ts';
import type { World } from '../support/world.ts';
import { drainOnce } from './drain.ts';

/** Events of a POST: so that the smaller backlog, too, fills each. */
const eventsPerPost = 10;
/** How often the smaller backlog is drained in a row: once is over too soon to be measured. */
const waves = 10;
const warmUp = 10_000;

/** Drains a backlog of ten thousand events and one of a million: an event must cost the same in both. */
export async function growth(world: World): Promise<Result> {
  const [small, large] = [world.events(10_000), world.events(1_000_000)];
  // A round is a million events.
  const repeat = Math.min(world.repeat, 2);
  const rounds = await measureInTurn([String(small), String(large)], repeat, (name) =>
    measure(world, Number(name), Number(name) === small ? waves : 1),
  );
  const rows = [...rounds].map(([name, measured]) => ({
    name: `${name} pending`,
    values: medians(measured),
  }));
  const ratio = (column: string) => (rows[1]?.values[column] ?? 0) / (rows[0]?.values[column] ?? 0);
  const most = Math.max(...rows.map(({ values }) => values['peak MiB'] ?? Number.NaN));
  return {
    scenario: 'growth',
    title: `Draining backlogs of two sizes over ${world.locations} endpoints, ${eventsPerPost} events in each POST`,
    rows,
    targets: [
      { what: 'wall time per event, large to small', ratio: ratio('µs/event'), atMost: 1.15 },
      { what: 'CPU per event of Bellhop, large to small', ratio: ratio('of its process'), atMost: 1.15 },
      { what: 'CPU per event of PostgreSQL, large to small', ratio: ratio('of its server'), atMost: 1.15 },
      { what: 'MiB at most', ratio: most, atMost: 200 },
    ],
  };
}

async function measure(world: World, pending: number, times: number) {
  const bellhop = await startBellhop(world, { BATCH_MAX_EVENTS: String(eventsPerPost) });
  try {
    await drainOnce(world, bellhop, world.events(warmUp));
    const drained = [];
    for (let wave = 0; wave < times; wave += 1) drained.push(await drainOnce(world, bellhop, pending));
    const measured = means(drained);
    return {
      'events/s': measured['events/s'] ?? Number.NaN,
      'µs/event': 1e6 / (measured['events/s'] ?? Number.NaN),
      'of its process': measured['of its process'] ?? Number.NaN,
      'of its server': measured['of its server'] ?? Number.NaN,
      'peak MiB': (await bellhop.services[0]?.peakMemoryMb()) ?? Number.NaN,
    };
  } finally {
    await bellhop.stop();
  }
}

/** The CPU clock ticks a hundred times a second: only sums of many short backlogs are exact. */
function means(rounds: Record<string, number>[]): Record<string, number> {
  const names = Object.keys(rounds[0] ?? {});
  const mean = (name: string) => rounds.reduce((sum, round) => sum + (round[name] ?? 0), 0) / rounds.length;
  return Object.fromEntries(names.map((name) => [name, mean(name)]));
}
