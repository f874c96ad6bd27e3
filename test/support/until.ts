import { setTimeout as delay } from 'node:timers/promises';

/** Milliseconds between two looks, and until it is given up: ample for a busy machine. */
const lookMs = 20;
const patienceMs = 60_000;

/**
 * Looks until there is something to see, for what sends no signal of its own, such as a row that another process writes.
 * @param what is waited for: the message of the Error when it does not come.
 * @returns the first answer that is neither false, null nor undefined.
 * @example const row = await until('the delivery is on record', () => findDelivery(sql));
 */
export async function until<T>(what: string, look: () => Promise<T | false | null | undefined>): Promise<T> {
  const giveUpAt = performance.now() + patienceMs;
  for (;;) {
    const seen = await look();
    if (seen !== false && seen !== null && seen !== undefined) return seen;
    if (performance.now() > giveUpAt) throw new Error(`Waited in vain until ${what}.`);
    await delay(lookMs);
  }
}
