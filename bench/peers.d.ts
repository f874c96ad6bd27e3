/**
 * As much of the peers' types as is used here: the checks of the repository run without the packages of the bench.
 */
declare module 'pg-boss' {
  import type { Event } from './support/events.ts';

  type Options = { retryLimit: number };
  export default class PgBoss {
    constructor(options: { connectionString: string; max: number });
    on(event: 'error', listener: (error: Error) => void): this;
    start(): Promise<unknown>;
    createQueue(name: string, queue: Options & { name: string; policy: 'standard' }): Promise<void>;
    send(name: string, data: object, options: Options): Promise<string | null>;
    insert(jobs: (Options & { name: string; data: object })[]): Promise<void>;
    fetch(name: string, options: { batchSize: number }): Promise<{ id: string; data: Event }[]>;
    complete(name: string, ids: string[]): Promise<unknown>;
  }
}

declare module 'graphile-worker' {
  export class Logger {
    constructor(createLog: () => () => void);
    info(message: string): void;
  }
  type WorkerUtils = {
    migrate(): Promise<void>;
    withPgClient(
      use: (client: { query(text: string, values: string[]): Promise<unknown> }) => Promise<unknown>,
    ): Promise<unknown>;
    addJob(task: string, payload: object, options: { maxAttempts: number }): Promise<unknown>;
  };
  type RunOptions = {
    connectionString: string;
    maxPoolSize: number;
    logger: Logger;
    noHandleSignals: boolean;
    // oxlint-disable-next-line typescript/no-explicit-any -- as graphile-worker has it, whose payloads are not typed
    taskList: Record<string, (payload: any) => Promise<void>>;
    preset: { worker: { concurrentJobs: number } };
  };
  export function makeWorkerUtils(options: {
    connectionString: string;
    maxPoolSize: number;
    logger: Logger;
  }): Promise<WorkerUtils>;
  export function run(options: RunOptions): Promise<{ stop(): Promise<void> }>;
}

declare module 'graphile-worker-0.17' {
  export * from 'graphile-worker';
}

declare module 'bullmq' {
  type Options = { attempts: number };
  export class Queue<Data> {
    constructor(name: string, options: { connection: { path: string } });
    waitUntilReady(): Promise<unknown>;
    add(name: string, data: Data, options: Options): Promise<unknown>;
    addBulk(jobs: { name: string; data: Data; opts: Options }[]): Promise<unknown[]>;
  }
  export class Worker<Data> {
    constructor(
      name: string,
      process: (job: { data: Data }) => Promise<void>,
      options: { connection: { path: string; maxRetriesPerRequest: null }; concurrency: number },
    );
    waitUntilReady(): Promise<unknown>;
    close(): Promise<void>;
  }
}
