import { startBellhop } from '../support/racers.ts';
import type { Result } from '../support/result.ts';
import { measureInTurn, medians } from '../support/rounds.ts';
import type { World } from '../support/world.ts';
import { drainOnce } from './drain.ts';

/** POSTs in flight of a process. The receivers take 20 ms to answer, so that it sends at most 400 POSTs a second. */
const concurrency = 8;

/** Drains a backlog by one dispatcher and by two, where the receivers are the limit, and not the CPU. */
export async function twoProcesses(world: World): Promise<Result> {
  const count = world.events(4000);
  const rounds = await measureInTurn(['1', '2'], world.repeat, (processes) =>
    measure(world, Number(processes), count),
  );
  const rows = [...rounds].map(([processes, measured]) => ({
    name: processes === '1' ? 'one dispatcher' : 'two dispatchers',
    values: medians(measured),
  }));
  const [one, two] = rows.map(({ values }) => values['POSTs/s'] ?? Number.NaN);
  return {
    scenario: 'two-processes',
    title: `Draining ${count} events to receivers that answer after 20 ms, ${concurrency} POSTs in flight in a process`,
    rows,
    targets: [{ what: 'POSTs/s of two dispatchers, to one', ratio: (two ?? 0) / (one ?? 0), atLeast: 1.6 }],
  };
}

async function measure(world: World, processes: number, count: number) {
  const bellhop = await startBellhop(
    world,
    { ROLE: 'dispatcher', BATCH_MAX_EVENTS: '1', DELIVERY_CONCURRENCY: String(concurrency) },
    { processes, prepare: ({ sql }) => sql`update endpoints set url = replace(url, '/ok/', '/slow/')` },
  );
  try {
    return await drainOnce(world, bellhop, count);
  } finally {
    await bellhop.stop();
  }
}
