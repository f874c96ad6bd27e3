/** The most young POSTs with which more are begun. */
const maxYoung = 64;
/** Milliseconds for which a POST is young: most receivers take less, and those who hang take much more. */
const youngMs = 50;

/**
 * Says when to begin more POSTs: not while many are young, begun a moment ago and not answered yet. Quick receivers get as
 * much with few at a time as with a thousand, for less memory, time and connections. Slow ones grow out of it, so
 * that they hold up others for a moment at most.
 * @param onFree called when more may begin again.
 * @example
 * const pace = new Pace(() => dispatching.wake());
 * if (pace.isFree) {
 *   const answered = pace.begin(2);
 *   for (const delivery of two) send(delivery).finally(answered);
 * }
 */
export class Pace {
  readonly #onFree: () => void;
  #young = 0;

  constructor(onFree: () => void) {
    this.#onFree = onFree;
  }

  /** Whether more may begin. */
  get isFree(): boolean {
    return this.#young < maxYoung;
  }

  /** Counts POSTs that begin together. @returns to be called at most once for each of them, when it is answered. */
  begin(count: number): () => void {
    let left = count;
    const leave = (leaving: number) => {
      const wasFree = this.isFree;
      left -= leaving;
      this.#young -= leaving;
      if (!wasFree && this.isFree) this.#onFree();
    };
    this.#young += count;
    const timer = setTimeout(() => leave(left), youngMs);
    return () => {
      if (left > 0) leave(1);
      if (left === 0) clearTimeout(timer);
    };
  }
}
