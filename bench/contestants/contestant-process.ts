import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import { eventOf, eventsOf } from '../support/events.ts';
import { nowMs } from '../support/numbers.ts';
import { serve } from '../support/processes.ts';
import { rangeSchema } from '../support/receiver.ts';
import { type Contestant, type Settings, settingsSchema } from './contestant.ts';

/** The packages of a peer are loaded only where it takes part. */
const contestants: Record<string, (settings: Settings) => Promise<Contestant>> = {
  limit: async (settings) => (await import('./limit.ts')).createLimit(settings),
  bellhop: async (settings) => (await import('./bellhop-client.ts')).createBellhopClient(settings),
  'one-commit-one-post': async (settings) =>
    (await import('./one-commit-one-post.ts')).createOneCommitOnePost(settings),
  'pg-boss': async (settings) => (await import('./pg-boss.ts')).createPgBoss(settings),
  'graphile-worker': async (settings) =>
    (await import('./graphile-worker.ts')).createGraphileWorker(settings),
  'graphile-worker-0.17': async (settings) =>
    (await import('./graphile-worker.ts')).createBatchingGraphileWorker(settings),
  bullmq: async (settings) => (await import('./bullmq.ts')).createBullMq(settings),
};

const workSchema = rangeSchema.extend({ locations: z.int() });
const inFlightSchema = workSchema.extend({ inFlight: z.int() });
const pacedSchema = workSchema.extend({ perSecond: z.number() });

/** Events of one call that stores many. */
const chunk = 1000;

const [name = ''] = process.argv.slice(2);
let contestant: Contestant;
let rest: () => Promise<unknown> = async () => {};

serve({
  async start(argument) {
    const create = contestants[name];
    if (!create) throw new Error(`There is no contestant ${name}.`);
    contestant = await create(settingsSchema.parse(argument));
  },
  async store(argument) {
    const { locations, ...range } = workSchema.parse(argument);
    const events = eventsOf(range, locations);
    if (name === 'limit') return contestant.store(events);
    for (let at = 0; at < events.length; at += chunk) await contestant.store(events.slice(at, at + chunk));
    return undefined;
  },
  async work() {
    rest = await contestant.work();
  },
  rest: () => rest(),
  /** Hands events over, `inFlight` at once. @returns the milliseconds that it took. */
  async acceptAll(argument) {
    const { first, count, locations, inFlight } = inFlightSchema.parse(argument);
    let next = 0;
    const acceptNext = async () => {
      while (next < count) {
        next += 1;
        await contestant.accept(eventOf(first + next - 1, locations));
      }
    };
    const begunAt = nowMs();
    await Promise.all(Array.from({ length: inFlight }, acceptNext));
    return nowMs() - begunAt;
  },
  /** Hands events over at a steady pace. @returns when each was begun, and when it was accepted. */
  async acceptPaced(argument) {
    const { first, count, locations, perSecond } = pacedSchema.parse(argument);
    const begun = new Float64Array(count);
    const accepted = new Float64Array(count);
    const startedAt = nowMs();
    const acceptOne = async (index: number) => {
      begun[index] = nowMs();
      await contestant.accept(eventOf(first + index, locations));
      accepted[index] = nowMs();
    };
    const accepting = [];
    for (let index = 0; index < count; index += 1) {
      await wait(Math.max(0, startedAt + (index * 1000) / perSecond - nowMs()));
      accepting.push(acceptOne(index));
    }
    await Promise.all(accepting);
    return { begun, accepted };
  },
});
