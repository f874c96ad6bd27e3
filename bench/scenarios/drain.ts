import { cpuPerEvent, type Racer, startRacer } from '../support/racers.ts';
import { compare, type Result } from '../support/result.ts';
import { measureInTurn, medians } from '../support/rounds.ts';
import type { World } from '../support/world.ts';

/** What each contestant is to be compared with, and how often as fast as it Bellhop is to be. */
type Race = { eventsPerPost: number; events: number; targets: Record<string, number> };

/** Drains a backlog, an event in each POST. */
export function drain(world: World): Promise<Result> {
  const targets = { limit: 0.8, 'pg-boss': 2, bullmq: 4, 'graphile-worker': 10 };
  return race(world, 'drain', { eventsPerPost: 1, events: 20_000, targets });
}

/** Drains a backlog, up to 20 events in each POST. */
export function batch(world: World): Promise<Result> {
  return race(world, 'batch', {
    eventsPerPost: 20,
    events: 100_000,
    targets: { limit: 0.5, 'pg-boss': 6, bullmq: 3 },
  });
}

async function race(
  world: World,
  scenario: string,
  { eventsPerPost, events, targets }: Race,
): Promise<Result> {
  const count = world.events(events);
  const names = ['limit', 'bellhop', ...world.peers];
  const rounds = await measureInTurn(names, world.repeat, (name) =>
    measure(world, name, eventsPerPost, count),
  );
  const rows = names.map((name) => ({ name, values: medians(rounds.get(name) ?? []) }));
  return {
    scenario,
    title: `Draining ${count} events over ${world.locations} endpoints, ${eventsPerPost} in each POST`,
    rows,
    targets: compare(rows, 'events/s', targets),
  };
}

/** Events that warm a contestant up, before those that count. */
const warmUp = 2000;

async function measure(world: World, name: string, eventsPerPost: number, count: number) {
  const racer = await startRacer(world, name, eventsPerPost);
  try {
    await drainOnce(world, racer, world.events(warmUp));
    return await drainOnce(world, racer, count);
  } finally {
    await racer.stop();
  }
}

/**
 * Drains a backlog, and checks that it came once.
 * @throws WrongCount when it did not.
 */
export async function drainOnce({ receiver }: World, racer: Racer, count: number) {
  await racer.store(await receiver.expect(count));
  const before = await racer.cpu();
  await racer.release();
  await receiver.arrived(count, racer.explain);
  await racer.settle();
  const after = await racer.cpu();
  const { posts, firstAt, lastAt } = await receiver.arrivals();
  const seconds = (lastAt - firstAt) / 1000;
  return {
    POSTs: posts,
    'POSTs/s': posts / seconds,
    'events/s': count / seconds,
    ...cpuPerEvent(before, after, count),
  };
}
