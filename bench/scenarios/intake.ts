import { z } from 'zod';
import { cpuSeconds } from '../support/cpu.ts';
import { startNode } from '../support/processes.ts';
import { type Client, type Cpu, cpuPerEvent, startBellhop, startClient } from '../support/racers.ts';
import { WrongCount } from '../support/receiver.ts';
import { compare, type Result } from '../support/result.ts';
import { measureInTurn, medians } from '../support/rounds.ts';
import type { World } from '../support/world.ts';

const inFlight = 64;
const warmUp = 2000;

/** Hands events over one by one, 64 at once, each answered after its commit. */
export async function intake(world: World): Promise<Result> {
  const count = world.events(20_000);
  const names = ['limit', 'bellhop', ...world.peers];
  const rounds = await measureInTurn(names, world.repeat, (name) => measure(world, name, count));
  const rows = names.map((name) => ({ name, values: medians(rounds.get(name) ?? []) }));
  const targets = { limit: 0.5, 'pg-boss': 4, bullmq: 2 };
  return {
    scenario: 'intake',
    title: `Handing over ${count} events one by one, ${inFlight} at once, from one client`,
    rows,
    targets: compare(rows, 'events/s', targets),
  };
}

async function measure(world: World, name: string, count: number) {
  if (name === 'bellhop') return measureBellhop(world, count);
  const bare = name === 'limit' ? startNode('bench/support/bare-intake-process.ts') : null;
  const port = await bare?.ask('listen', null, z.number());
  const client = await startClient(world, name, { intake: `http://127.0.0.1:${port ?? 1}` });
  const server = name === 'bullmq' ? world.redis : name === 'limit' ? null : world.postgres;
  try {
    return await handOver(world, client, count, async () => ({
      own: await cpuSeconds(client.pid),
      server: ((await server?.cpu()) ?? 0) + (bare ? await cpuSeconds(bare.pid) : 0),
    }));
  } finally {
    await client.stop();
    await bare?.end('SIGKILL');
  }
}

/** Only its API, as the peers have no workers here either. */
async function measureBellhop(world: World, count: number) {
  const bellhop = await startBellhop(world, { ROLE: 'api' });
  const client = await startClient(world, 'bellhop', { intake: bellhop.services[0]?.url ?? '' });
  try {
    const measured = await handOver(world, client, count, async () => {
      const { own, server } = await bellhop.cpu();
      return { own: await cpuSeconds(client.pid), server: own + server };
    });
    const [stored] = await bellhop.database.sql`select count(*)::int as events from events`;
    const expected = count + world.events(warmUp);
    if (stored?.['events'] !== expected)
      throw new WrongCount(`${stored?.['events']} events were stored, not ${expected}.`);
    return measured;
  } finally {
    await client.stop();
    await bellhop.stop();
  }
}

type CpuOf = () => Promise<Cpu>;

async function handOver({ receiver, events, locations }: World, client: Client, count: number, cpuOf: CpuOf) {
  const acceptAll = async (range: object) =>
    client.process.ask('acceptAll', { ...range, locations, inFlight }, z.number());
  await acceptAll(await receiver.expect(events(warmUp)));
  const range = await receiver.expect(count);
  const before = await cpuOf();
  const tookMs = await acceptAll(range);
  const after = await cpuOf();
  return {
    'events/s': (count * 1000) / tookMs,
    ...cpuPerEvent(before, after, count),
  };
}
