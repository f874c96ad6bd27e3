/**
 * Counts milliseconds from now, by the monotonic clock or the wall clock, whichever says more: the first stands still
 * while the machine sleeps, the second may be set back. For limits that no pause of any kind may outwit.
 * @example const elapsedMs = startStopwatch(); if (elapsedMs() > 2000) return;
 */
export function startStopwatch(): () => number {
  const beganAt = performance.now();
  const beganAtTime = Date.now();
  return () => Math.max(performance.now() - beganAt, Date.now() - beganAtTime);
}

/**
 * The one timer of an attempt: when its time is over, whatever is under way is destroyed. Steps follow each other, so
 * that there is one thing to destroy at any time. Starts when it is made; call {@link Deadline.end} when all is over.
 * @example
 * const deadline = new Deadline(2000);
 * deadline.onPassed(() => socket.destroy());
 */
export class Deadline {
  readonly #beganAt = performance.now();
  readonly #surelyElapsedMs = startStopwatch();
  #limitMs: number;
  #destroy: () => void = nothing;
  #passed = false;
  #timer: NodeJS.Timeout;

  /** @param limitMs milliseconds from now. */
  constructor(limitMs: number) {
    this.#limitMs = limitMs;
    this.#timer = this.#start(limitMs);
  }

  /** Whether time was up before everything was over. */
  get passed(): boolean {
    return this.#passed;
  }

  /** Whether time is up, by the clocks: after a pause of the process, sockets may have their turn before the timer. */
  get isOver(): boolean {
    return this.#passed || this.#surelyElapsedMs() >= this.#limitMs;
  }

  /** Milliseconds since the beginning, with their fraction, on the monotonic clock. */
  elapsedMs(): number {
    return performance.now() - this.#beganAt;
  }

  /** Says how to destroy what is under way now, in place of what was said before. Called at once when time is up. */
  onPassed(destroy: () => void): void {
    this.#destroy = destroy;
    if (this.#passed) destroy();
  }

  /** Leaves at most so many milliseconds from now; never moves the deadline back. */
  shorten(leftMs: number): void {
    this.#limitMs = Math.min(this.#limitMs, this.elapsedMs() + leftMs);
    clearTimeout(this.#timer);
    this.#timer = this.#start(this.#limitMs - this.elapsedMs());
  }

  /** Stops the timer. */
  end(): void {
    clearTimeout(this.#timer);
  }

  #start(leftMs: number): NodeJS.Timeout {
    return setTimeout(() => {
      this.#passed = true;
      this.#destroy();
    }, leftMs);
  }
}

function nothing(): void {}
