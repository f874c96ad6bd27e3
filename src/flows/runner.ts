import { setTimeout as delay } from 'node:timers/promises';
import { logger } from '../logger.ts';
import { Loop } from '../loop.ts';
import { type Execution, type ExecuteOptions, executeFlow } from './execute.ts';
import type { FlowRow } from './flow.ts';
import { findFlowById, markOf } from './flows.ts';
import { endRun, inputOf, type RunRow } from './run.ts';
import { abandonRuns, claimRuns, renewLeases } from './run-lease.ts';

/** The most queued runs under way in a process, most of which wait for a third party; and about how many of one location. */
const maxTaken = 256;
const maxTakenPerLocation = 16;
/** Milliseconds between two looks at the queue, and between two renewals of leases: a third of a lease. */
const idleMs = 1000;
const renewMs = 5000;
/** Milliseconds that a stop waits for runs; what is cut off then becomes `abandoned`. */
const graceMs = 5000;

/**
 * Executes runs, each at most once: those of waiting callers at once, and queued ones as they come. It keeps the lease
 * of each, so that a run whose process died is known within seconds.
 * @example
 * const runner = new Runner(options);
 * runner.start({ queue: true });
 * const execution = await runner.execute(flow, run);
 * await runner.stop();
 */
export class Runner {
  readonly #options: ExecuteOptions;
  readonly #running = new Map<string, Promise<unknown>>();
  /** The locations of the queued ones, one for each. */
  readonly #taken: string[] = [];
  readonly #queue = new Loop(() => this.runOnce(), { name: 'runs', idleMs });
  readonly #renewal = new Loop(() => this.#renew(), { name: 'run leases', idleMs: renewMs });

  constructor(options: ExecuteOptions) {
    this.#options = options;
  }

  /** @param options.queue whether this process executes queued runs too. */
  start({ queue }: { queue: boolean }): void {
    this.#renewal.start();
    if (queue) this.#queue.start();
  }

  /** Takes no more runs, and waits a moment for those under way. */
  async stop(): Promise<void> {
    await this.#queue.stop();
    await Promise.race([
      Promise.allSettled(this.#running.values()),
      delay(graceMs, undefined, { ref: false }),
    ]);
    await this.#renewal.stop();
  }

  /** There is a queued run. */
  wake(): void {
    this.#queue.wake();
  }

  /** Executes a run that is on record as `running`, and puts its end on record. */
  async execute(flow: FlowRow, run: RunRow): Promise<Execution> {
    const execution = this.#execute(flow, run);
    this.#running.set(run.id, execution);
    try {
      return await execution;
    } finally {
      this.#running.delete(run.id);
    }
  }

  /** Gives up runs that were cut off, and begins queued ones. @returns how many it began. */
  async runOnce(): Promise<number> {
    const { db } = this.#options;
    const abandoned = await abandonRuns(db);
    if (abandoned > 0) logger.warn({ runs: abandoned }, 'runs abandoned');
    const places = Math.min(maxTaken - this.#taken.length, maxTakenPerLocation);
    const claimed = places > 0 ? await claimRuns(db, places, this.#busyLocations()) : [];
    for (const run of claimed) void this.#begin(run);
    return claimed.length;
  }

  /** Those whose third parties hang must not keep others waiting. */
  #busyLocations(): string[] {
    const counts = new Map<string, number>();
    for (const id of this.#taken) counts.set(id, (counts.get(id) ?? 0) + 1);
    return [...counts].filter(([, count]) => count >= maxTakenPerLocation).map(([id]) => id);
  }

  async #begin(run: RunRow): Promise<void> {
    this.#taken.push(run.locationId);
    try {
      const flow = await findFlowById(this.#options.db, run.flowId);
      if (flow) await this.execute(flow, run);
      else await endRun(this.#options.db, run, deleted);
    } catch (error) {
      // Its lease runs out, and then it is abandoned.
      logger.error({ err: error, runId: run.id }, 'run failed on our side');
    } finally {
      this.#taken.splice(this.#taken.indexOf(run.locationId), 1);
      this.wake();
    }
  }

  async #execute(flow: FlowRow, run: RunRow): Promise<Execution> {
    const execution = await executeFlow(this.#options, flow, inputOf(run), [...run.chain, markOf(flow.id)]);
    const { status, error } = execution;
    const { id: runId, locationId, flowName } = run;
    logger.info({ runId, locationId, flowName, status, where: error?.where }, 'run ended');
    await endRun(this.#options.db, run, execution);
    return execution;
  }

  async #renew(): Promise<number> {
    if (this.#running.size > 0) await renewLeases(this.#options.db, [...this.#running.keys()]);
    return 0;
  }
}

const deleted: Execution = {
  status: 'failed',
  steps: [],
  response: null,
  error: { where: 'flow', message: 'The flow was deleted before this run began.', line: null },
};
