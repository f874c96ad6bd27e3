/** What was counted of one sender in its window. */
class Window {
  totalHits = 0;
  /** By the monotonic clock: one that is set back must not shut anybody out for as long. */
  readonly #endsAt: number;

  constructor(ms: number) {
    this.#endsAt = performance.now() + ms;
  }

  /** Milliseconds until it is over; 0 or less: it is. */
  get leftMs(): number {
    return this.#endsAt - performance.now();
  }

  /** When it ends, by the wall clock as it is now. */
  get resetTime(): Date {
    return new Date(Date.now() + this.leftMs);
  }
}

/** The most senders that are told apart at a time: some 10 MB. */
const maxSenders = 50_000;

/**
 * Counts what senders do in windows of time, each from the first thing it does. Of too many senders the windows that
 * end first are forgotten: an attacker with countless addresses costs no more memory, but counts from zero again.
 * It is what hono-rate-limiter calls a store; its own one grows with the number of senders.
 */
export class Windows {
  readonly #windows = new Map<string, Window>(); // all equally long, so that the first ends first
  readonly #windowMs: number;
  readonly #maxCount: number;

  constructor(windowMs: number, maxCount = maxSenders) {
    this.#windowMs = windowMs;
    this.#maxCount = maxCount;
  }

  /** The window of a sender; undefined when it has none, or it is over. */
  get(sender: string): Window | undefined {
    const window = this.#windows.get(sender);
    return window && window.leftMs > 0 ? window : undefined;
  }

  /** Counts one more. */
  increment(sender: string): Window {
    const window = this.get(sender) ?? this.#begin(sender);
    window.totalHits += 1;
    return window;
  }

  /** Takes one back. */
  decrement(sender: string): void {
    const window = this.get(sender);
    if (window) window.totalHits -= 1;
  }

  /** Forgets a sender. */
  resetKey(sender: string): void {
    this.#windows.delete(sender);
  }

  #begin(sender: string): Window {
    this.#windows.delete(sender);
    for (const [other] of this.#windows) {
      if (this.#windows.size < this.#maxCount && this.get(other)) break;
      this.#windows.delete(other);
    }
    const window = new Window(this.#windowMs);
    this.#windows.set(sender, window);
    return window;
  }
}
