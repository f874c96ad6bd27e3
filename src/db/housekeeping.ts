import { setTimeout as delay } from 'node:timers/promises';
import { logger } from '../logger.ts';

/** One bounded step of tidying up. Resolves with how many rows it changed; 0: nothing is left to do. */
export type Chore = () => Promise<number>;

/** Milliseconds between two steps while there is more to do, and between two rounds. */
const pauseMs = 100;
const roundMs = 60_000;

/**
 * Does chores now and every minute, one after another, in steps that hold up nobody.
 * @returns a function that ends it and resolves when the step under way is done.
 */
export function startHousekeeping(chores: Chore[]): () => Promise<void> {
  const stopping = new AbortController();
  const running = run(chores, stopping.signal);
  return async () => {
    stopping.abort();
    await running;
  };
}

async function run(chores: Chore[], signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const changed = await doChores(chores);
    await delay(changed > 0 ? pauseMs : roundMs, undefined, { signal }).catch(() => {});
  }
}

async function doChores(chores: Chore[]): Promise<number> {
  let changed = 0;
  for (const chore of chores) {
    changed += await chore().catch((error: unknown) => {
      logger.error({ err: error }, 'housekeeping failed; trying again in a minute');
      return 0;
    });
  }
  return changed;
}
