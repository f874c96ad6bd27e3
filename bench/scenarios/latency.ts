import { z } from 'zod';
import { percentile } from '../support/numbers.ts';
import { type Client, startBellhop, startClient } from '../support/racers.ts';
import type { Result } from '../support/result.ts';
import { measureInTurn } from '../support/rounds.ts';
import type { World } from '../support/world.ts';

const perSecond = 20;
/** The peers that are told of a job when it is stored; the other one looks twice a second at most. */
const rivals = ['bullmq', 'graphile-worker'];
/** Until the code of each contestant has been compiled, as in a process that has been up for a while. */
const warmUp = { count: 2000, perSecond: 400 };

/** Hands over 20 events a second, and looks when they arrive. */
export async function latency(world: World): Promise<Result> {
  const count = Math.ceil(300 * world.scale);
  const names = ['one-commit-one-post', 'bellhop', ...world.peers.filter((name) => rivals.includes(name))];
  const rounds = await measureInTurn(names, world.repeat, (name) => measure(world, name, count));
  const rows = names.map((name) => ({ name, values: summarize(rounds.get(name) ?? []) }));
  const value = (name: string, column: string) =>
    rows.find((row) => row.name === name)?.values[column] ?? Number.NaN;
  const p50 = value('bellhop', 'accepted p50 ms');
  return {
    scenario: 'latency',
    title: `From an event to its arrival, at ${perSecond} events a second`,
    rows,
    targets: [
      {
        what: 'p50 from accepted, to that of one commit and one POST',
        ratio: p50 / value('one-commit-one-post', 'handed over p50 ms'),
        atMost: 1.2,
      },
      ...(world.peers.includes('bullmq')
        ? [
            {
              what: "p50 from accepted, to BullMQ's",
              ratio: p50 / value('bullmq', 'accepted p50 ms'),
              atMost: 1,
            },
          ]
        : []),
      { what: 'p99 to p50, from accepted', ratio: value('bellhop', 'accepted p99 ms') / p50, atMost: 3 },
    ],
  };
}

/** Milliseconds of each event from when it was accepted, and from when it was handed over, to its arrival. */
type Latencies = { accepted: number[]; handedOver: number[] };

async function measure(world: World, name: string, count: number): Promise<Latencies> {
  const bellhop = name === 'bellhop' ? await startBellhop(world, {}) : null;
  const client = await startClient(world, name, {
    intake: bellhop?.services[0]?.url ?? 'http://127.0.0.1:1',
  });
  try {
    await client.ask('work');
    await handOver(world, client, { ...warmUp, count: world.events(warmUp.count) });
    return await handOver(world, client, { count, perSecond });
  } finally {
    await client.stop();
    await bellhop?.stop();
  }
}

const acceptedSchema = z.object({ begun: z.instanceof(Float64Array), accepted: z.instanceof(Float64Array) });

/**
 * Hands events over at a pace, and waits until all have come.
 * @param options.arrives which of them come, where some are sent elsewhere.
 */
export async function handOver(
  { receiver, locations }: World,
  client: Client,
  { count, perSecond, arrives }: { count: number; perSecond: number; arrives?: (number: number) => boolean },
): Promise<Latencies> {
  const range = await receiver.expect(count);
  const indexes = Array.from({ length: count }, (_, index) => index).filter(
    (index) => arrives?.(range.first + index) ?? true,
  );
  const paced = { ...range, locations, perSecond };
  const { begun, accepted } = await client.process.ask('acceptPaced', paced, acceptedSchema);
  await receiver.arrived(indexes.length);
  await receiver.arrivals();
  const times = await receiver.times();
  const since = (from: Float64Array) => indexes.map((index) => (times[index] ?? 0) - (from[index] ?? 0));
  return { accepted: since(accepted), handedOver: since(begun) };
}

function summarize(rounds: Latencies[]): Record<string, number> {
  const accepted = rounds.flatMap((round) => round.accepted);
  const handedOver = rounds.flatMap((round) => round.handedOver);
  return {
    'accepted p50 ms': percentile(accepted, 50),
    'accepted p99 ms': percentile(accepted, 99),
    'handed over p50 ms': percentile(handedOver, 50),
    'handed over p99 ms': percentile(handedOver, 99),
  };
}
