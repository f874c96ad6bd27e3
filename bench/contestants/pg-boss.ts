import { setTimeout as wait } from 'node:timers/promises';
import PgBoss from 'pg-boss';
import { type Contestant, createGatheredPost, type Settings } from './contestant.ts';

const queue = 'events';
const options = { retryLimit: 0 };
/** Jobs of a fetch: its documentation has no number; more are no faster here, and fewer are slower. */
const batchSize = 500;
/** Fetches that run side by side, so that one waits for the database while another POSTs. */
const fetchers = 3;
/** Connections: more are no faster here. */
const max = 20;
const pollMs = 20;

/**
 * pg-boss 10. `work()` would rest for half a second between two batches that take less, so that `fetch()` and `complete()` are
 * called in a loop, as its documentation tells for that. Completed jobs stay, as the record.
 */
export async function createPgBoss(settings: Settings): Promise<Contestant> {
  const boss = new PgBoss({ connectionString: settings.database, max });
  boss.on('error', () => {});
  await boss.start();
  await boss.createQueue(queue, { name: queue, policy: 'standard', ...options });
  const post = createGatheredPost(settings);
  const work = { isStopped: false };

  async function fetchAndPost(): Promise<void> {
    while (!work.isStopped) {
      const jobs = await boss.fetch(queue, { batchSize });
      if (jobs.length === 0) await wait(pollMs);
      else {
        await Promise.all(jobs.map((job) => post(job.data)));
        await boss.complete(
          queue,
          jobs.map((job) => job.id),
        );
      }
    }
  }

  return {
    store: (events) => boss.insert(events.map((event) => ({ name: queue, data: event, ...options }))),
    accept: (event) => boss.send(queue, event, options),
    async work() {
      work.isStopped = false;
      const working = Promise.all(Array.from({ length: fetchers }, fetchAndPost));
      return async () => {
        work.isStopped = true;
        await working;
      };
    },
  };
}
