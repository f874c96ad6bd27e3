/**
 * Group commit: calls that arrive while a flush is under way go together in the next one, each answered with its own
 * result. One flush runs at a time; an idle gatherer flushes at once, so nothing waits when nothing is busy.
 * A flush that fails fails every call in it.
 * @param flush takes the items and returns a result for each, in their order.
 * @param options.size how much an item counts (default 1), in the unit of the two limits.
 * @param options.maxFlush the most that goes into one flush (an item that is larger goes alone).
 * @param options.maxWaiting the most that may wait; a call beyond it is rejected with {@link Overloaded}.
 * @example
 * const double = gather(async (items: number[]) => items.map((n) => 2 * n), { maxFlush: 100, maxWaiting: 1000 });
 * await Promise.all([double(1), double(2), double(3)]); // flushes [1], then [2, 3]
 */
export function gather<Item, Result>(
  flush: (items: Item[]) => Promise<Result[]>,
  limits: Limits<Item>,
): (item: Item) => Promise<Result> {
  const gatherer = new Gatherer(flush, limits);
  return (item) => gatherer.add(item);
}

class Gatherer<Item, Result> {
  readonly #flush: (items: Item[]) => Promise<Result[]>;
  readonly #limits: Required<Limits<Item>>;
  #waiting: Call<Item, Result>[] = [];
  #waitingSize = 0;
  #isFlushing = false;

  constructor(flush: (items: Item[]) => Promise<Result[]>, limits: Limits<Item>) {
    this.#flush = flush;
    this.#limits = { size: () => 1, ...limits };
  }

  add(item: Item): Promise<Result> {
    const { size, maxWaiting } = this.#limits;
    return new Promise((resolve, reject) => {
      if (this.#waitingSize > 0 && this.#waitingSize + size(item) > maxWaiting) {
        reject(new Overloaded());
        return;
      }
      this.#waiting.push({ item, resolve, reject });
      this.#waitingSize += size(item);
      if (!this.#isFlushing) void this.#flushAll();
    });
  }

  async #flushAll(): Promise<void> {
    this.#isFlushing = true;
    while (this.#waiting.length > 0) await this.#answer(this.#takeNext());
    this.#isFlushing = false;
  }

  #takeNext(): Call<Item, Result>[] {
    const { size, maxFlush } = this.#limits;
    let taken = 0;
    let total = 0;
    for (const { item } of this.#waiting) {
      if (taken > 0 && total + size(item) > maxFlush) break;
      taken += 1;
      total += size(item);
    }
    this.#waitingSize -= total;
    return this.#waiting.splice(0, taken);
  }

  async #answer(calls: Call<Item, Result>[]): Promise<void> {
    try {
      const results = await this.#flush(calls.map((call) => call.item));
      for (const [index, call] of calls.entries()) {
        const result = results[index];
        if (result === undefined) call.reject(new Error('The flush returned too few results.'));
        else call.resolve(result);
      }
    } catch (error) {
      for (const call of calls) call.reject(error);
    }
  }
}

type Limits<Item> = { size?: (item: Item) => number; maxFlush: number; maxWaiting: number };
type Call<Item, Result> = { item: Item; resolve: (result: Result) => void; reject: (error: unknown) => void };

/** More waits than memory should hold, or for longer than anybody should: the caller should try again later. */
export class Overloaded extends Error {
  override name = 'Overloaded';
  constructor(message = 'Too many requests are waiting for the database.') {
    super(message);
  }
}
