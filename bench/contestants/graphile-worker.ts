import type * as Library from 'graphile-worker';
import type { Event } from '../support/events.ts';
import { type Contestant, createGatheredPost, postsInFlight, type Settings } from './contestant.ts';

const task = 'post';
/** As in the performance test of its documentation, but for the POSTs, which mostly wait. */
const maxPoolSize = 25;

/** graphile-worker 0.16, the last one without batches. A job that is done is deleted: it keeps no record. */
export async function createGraphileWorker(settings: Settings): Promise<Contestant> {
  return create(settings, await import('graphile-worker'), {});
}

/** graphile-worker 0.17, with the batches that its documentation advises. */
export async function createBatchingGraphileWorker(settings: Settings): Promise<Contestant> {
  const batching = { localQueue: { size: 500 }, completeJobBatchDelay: 0, failJobBatchDelay: 0 };
  return create(settings, await import('graphile-worker-0.17'), batching);
}

async function create(
  settings: Settings,
  { run, makeWorkerUtils, Logger }: typeof Library,
  batching: object,
): Promise<Contestant> {
  const connection = { connectionString: settings.database, maxPoolSize };
  // By default it prints a line for each job.
  const logger = new Logger(() => () => {});
  const utils = await makeWorkerUtils({ ...connection, logger });
  await utils.migrate();
  const post = createGatheredPost(settings);
  const concurrentJobs = postsInFlight * settings.eventsPerPost;
  return {
    async store(events) {
      await utils.withPgClient((client) => client.query(addJobs, [JSON.stringify(events)]));
    },
    accept: (event) => utils.addJob(task, event, { maxAttempts: 1 }),
    async work() {
      const runner = await run({
        ...connection,
        logger,
        noHandleSignals: true,
        taskList: { [task]: (event: Event) => post(event) },
        preset: { worker: { concurrentJobs: Math.min(concurrentJobs, 500), ...batching } },
      });
      return () => runner.stop();
    },
  };
}

const addJobs = `
  select graphile_worker.add_jobs(array(
    select ('${task}', event, null, null, 1, null, null, null)::graphile_worker.job_spec
    from json_array_elements($1::json) event))`;
