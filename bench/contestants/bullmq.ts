import { Queue, Worker } from 'bullmq';
import type { Event } from '../support/events.ts';
import { type Contestant, createGatheredPost, postsInFlight, type Settings } from './contestant.ts';

const queueName = 'events';
const options = { attempts: 1 };

/** BullMQ 6 with Redis. Completed jobs stay, as the record. */
export async function createBullMq(settings: Settings): Promise<Contestant> {
  const connection = { path: settings.redis };
  const queue = new Queue<Event>(queueName, { connection });
  await queue.waitUntilReady();
  const post = createGatheredPost(settings);
  return {
    store: (events) => queue.addBulk(events.map((data) => ({ name: 'post', data, opts: options }))),
    accept: (event) => queue.add('post', event, options),
    async work() {
      const worker = new Worker<Event>(queueName, (job) => post(job.data), {
        connection: { ...connection, maxRetriesPerRequest: null },
        concurrency: postsInFlight * settings.eventsPerPost,
      });
      await worker.waitUntilReady();
      return () => worker.close();
    },
  };
}
