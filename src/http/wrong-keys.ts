import { networkOf } from './client-address.ts';
import { Problem } from './problem.ts';
import { hashOf } from './token.ts';
import { Windows } from './windows.ts';

/** Wrong keys that one address may send in a minute. */
const maxWrong = 30;
const windowMs = 60_000;

/**
 * Stops who tries keys: after 30 wrong ones in a minute no key from that address is looked up any more, until the minute
 * is over. Keys that were right from there in the last minute go on: a forgotten program with a revoked key must not shut
 * out the core app, which may share its address. Counts in this process; of requests at the same time some more pass.
 */
export class WrongKeys {
  readonly #wrong = new Windows(windowMs);
  readonly #right = new Windows(windowMs);

  /** @throws Problem 429 when this key is not to be looked up now. */
  check(key: string, address: string): void {
    const sender = networkOf(address);
    const window = this.#wrong.get(sender);
    if (!window || window.totalHits < maxWrong || this.#right.get(pair(sender, key))) return;
    const seconds = Math.ceil(window.leftMs / 1000);
    throw new Problem(429, `More than ${maxWrong} unknown API keys in a minute: try again later.`, {
      headers: { 'retry-after': `${seconds}` },
    });
  }

  /** Notes what the look-up of a key said. */
  note(key: string, address: string, isRight: boolean): void {
    const sender = networkOf(address);
    if (isRight) this.#right.increment(pair(sender, key));
    else this.#wrong.increment(sender);
  }
}

/** No key is kept in memory as it is. */
function pair(sender: string, key: string): string {
  return `${sender} ${hashOf(key)}`;
}
