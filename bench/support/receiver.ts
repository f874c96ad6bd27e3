import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import type { Range } from './events.ts';
import { startNode } from './processes.ts';

export const rangeSchema = z.object({ first: z.int(), count: z.int() });

const arrivalsSchema = z.object({
  posts: z.number(),
  /** Different events that came. */
  events: z.number(),
  /** Events that came once more, or that nobody waits for. */
  repeated: z.number(),
  firstAt: z.number(),
  lastAt: z.number(),
});

/** What came in, and when (see `nowMs`). */
export type Arrivals = z.output<typeof arrivalsSchema>;

/** A count was wrong: what the bench fails on. */
export class WrongCount extends Error {
  override name = 'WrongCount';
}

/** Milliseconds without a new event after which the rest counts as lost. */
const silentMs = 30_000;

/** Starts the receiver of every contestant, in a process of its own. It answers 204 and counts. */
export async function startReceiver() {
  const child = startNode('bench/support/receiver-process.ts');
  const port = await child.ask('listen', null, z.number());
  let next = 1;

  /** Forgets what came, and makes ready for `count` new events. @returns their numbers. */
  async function expect(count: number): Promise<Range> {
    const range = { first: next, count };
    next += count;
    await child.ask('expect', range, z.unknown());
    return range;
  }

  /**
   * Waits until `count` events have come.
   * @param explain tells why some did not.
   * @throws WrongCount when some do not come.
   */
  async function arrived(count: number, explain = async () => ''): Promise<void> {
    const all = child.ask('arrived', count, z.unknown()).then(() => true);
    for (let before = -1, isComplete = false; !isComplete; ) {
      isComplete = await Promise.race([all, wait(silentMs, false, { ref: false })]);
      const { events } = await report();
      if (!isComplete && events === before)
        throw new WrongCount(`Only ${events} of ${count} events came. ${await explain()}`);
      before = events;
    }
  }

  const report = () => child.ask('report', null, arrivalsSchema);

  /**
   * What came since `expect`, when nothing more can come.
   * @throws WrongCount when an event came twice.
   */
  async function arrivals(): Promise<Arrivals> {
    const found = await report();
    if (found.repeated > 0) throw new WrongCount(`${found.repeated} events came more than once.`);
    return found;
  }

  return {
    origin: `http://127.0.0.1:${port}`,
    expect,
    arrived,
    arrivals,
    /** When each event came, in the order of their numbers; 0: it did not. */
    times: () => child.ask('times', null, z.instanceof(Float64Array)),
    stop: () => child.end(),
  };
}
