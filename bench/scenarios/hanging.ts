import { percentile } from '../support/numbers.ts';
import { startBellhop, startClient } from '../support/racers.ts';
import type { Result } from '../support/result.ts';
import { measureInTurn } from '../support/rounds.ts';
import type { World } from '../support/world.ts';
import { handOver } from './latency.ts';

const perSecond = 400;
/** One in so many receivers hangs. */
const oneIn = 10;
const warmUp = 400;

/** Lets one receiver in ten accept connections and never answer, and looks at the others. */
export async function hanging(world: World): Promise<Result> {
  const count = world.events(4000);
  const rounds = await measureInTurn(['none', 'hanging'], world.repeat, (name) =>
    measure(world, name === 'none' ? 0 : Math.floor(world.locations / oneIn), count),
  );
  const rows = [...rounds].map(([name, latencies]) => ({
    name: name === 'none' ? 'no receiver hangs' : `one receiver in ${oneIn} hangs`,
    values: {
      delivered: latencies.flat().length,
      'p50 ms': percentile(latencies.flat(), 50),
      'p99 ms': percentile(latencies.flat(), 99),
    },
  }));
  const [none, some] = rows.map(({ values }) => values['p99 ms']);
  return {
    scenario: 'hanging',
    title: `From accepted to the arrival at healthy receivers, of ${perSecond} events a second over ${world.locations} endpoints`,
    rows,
    targets: [{ what: 'healthy p99, to that without', ratio: (some ?? 0) / (none ?? 0), atMost: 2 }],
  };
}

/** @returns the milliseconds to each healthy receiver; all of them got theirs, or the count is wrong. */
async function measure(world: World, hangs: number, count: number): Promise<number[]> {
  const bellhop = await startBellhop(
    world,
    {},
    {
      prepare: ({ sql }) => sql`
        update endpoints set url = replace(url, '/ok/', '/hang/')
        where split_part(location_id, '-', 2)::int < ${hangs}`,
    },
  );
  const client = await startClient(world, 'bellhop', { intake: bellhop.services[0]?.url ?? '' });
  const arrives = (number: number) => number % world.locations >= hangs;
  try {
    await handOver(world, client, { count: warmUp, perSecond, arrives });
    return (await handOver(world, client, { count, perSecond, arrives })).accepted;
  } finally {
    await client.stop();
    await bellhop.stop();
  }
}
