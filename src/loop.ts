import { setTimeout as delay } from 'node:timers/promises';
import type { LimitFunction } from 'p-limit';
import { logger } from './logger.ts';
import { metrics } from './metrics.ts';
import { notOverdue } from './overdue.ts';

/** How a loop behaves between two rounds. */
export type LoopOptions = {
  /** What it does, for the log. */
  name: string;
  /** Milliseconds after which it looks for work although nobody woke it. */
  idleMs: number;
  /** Milliseconds between two rounds while there is work. */
  busyMs?: number;
  /** Shared with other loops: how many of them are at work at once. */
  turns?: LimitFunction;
};

/** Milliseconds before the next try after an error, e.g. while the database is away. */
const retryMs = 250;

/**
 * Repeats `once` for as long as it finds work, then waits to be woken or for `idleMs`. A wake-up during a round is not
 * lost: another round follows. Errors are logged and never end it.
 * @param once does one bounded round, and resolves with how much it did; 0: nothing.
 * @example
 * const loop = new Loop(() => dispatcher.dispatchOnce(), { name: 'dispatch', idleMs: 1000 });
 * loop.start();
 * loop.wake();
 * await loop.stop();
 */
export class Loop {
  readonly #once: () => Promise<number>;
  readonly #options: LoopOptions;
  #running: Promise<void> = Promise.resolve();
  #isStopping = false;
  #isWoken = false;
  #endWait = () => {};

  constructor(once: () => Promise<number>, options: LoopOptions) {
    this.#once = once;
    this.#options = options;
  }

  /** Begins, with a round at once. */
  start(): void {
    this.#running = this.#run();
  }

  /** There may be work. */
  wake(): void {
    this.#isWoken = true;
    this.#endWait();
  }

  /** Begins no more rounds. Resolves when the one under way is done. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#endWait();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#isStopping) {
      this.#isWoken = false;
      const pauseMs = await this.#round();
      if (pauseMs > 0 && !this.#isStopping) await this.#wait(pauseMs);
    }
  }

  /** @returns how long to wait before the next one. */
  async #round(): Promise<number> {
    try {
      const work = () => notOverdue(this.#once());
      const done = await (this.#options.turns?.(work) ?? work());
      if (done > 0) return this.#options.busyMs ?? 0;
      return this.#isWoken ? 0 : this.#options.idleMs;
    } catch (error) {
      metrics.roundsFailed.inc();
      logger.error({ err: error, loop: this.#options.name }, 'a round failed; trying again');
      return retryMs;
    }
  }

  async #wait(ms: number): Promise<void> {
    const waiting = new AbortController();
    this.#endWait = () => waiting.abort();
    await delay(ms, undefined, { signal: waiting.signal }).catch(() => {});
    this.#endWait = () => {};
  }
}
