import { randomBytes } from 'node:crypto';
import { v7 as uuidv7 } from 'uuid';
import type { Database } from '../db/client.ts';
import type { Encryption } from '../db/encryption.ts';
import type { Listen } from '../db/listen.ts';
import type { AttemptResult, Sender } from '../delivery/attempt.ts';
import { startStopwatch } from '../delivery/deadline.ts';
import { logger } from '../logger.ts';
import { Loop } from '../loop.ts';
import { metrics } from '../metrics.ts';
import { Announcer } from './announcer.ts';
import { claim, type ClaimedDelivery, findDueLocations } from './claim.ts';
import type { DeliverySpans } from './delivery-spans.ts';
import { logOutcome } from './log-outcome.ts';
import { abandonOnce, createRecorder, type Recorder } from './outcomes.ts';
import { Pace } from './pace.ts';
import { toRequest } from './request.ts';
import { listenForWakeUps } from './wake-up.ts';

/** What a dispatcher works with. */
export type DispatcherOptions = {
  db: Database;
  encryption: Encryption;
  sender: Sender;
  /** The most POSTs in flight in this process. */
  concurrency: number;
  /** How long one POST may take. */
  timeoutMs: number;
  /** The most events in a batch. */
  maxEvents: number;
  /** Events older than this are skipped. */
  maxAgeHours: number;
  /** Is told of what happens, where spans are wanted. */
  spans: DeliverySpans | null;
};

/** The most lanes of one claim, which looks at no more locations than lanes: a statement of milliseconds. */
const maxLanes = 256;
/** The most lanes that one sweep frees or finds. */
const maxSwept = 10_000;
/** Milliseconds by which a lease outlasts the attempt it is for: time to sign, to record, and for a busy machine. */
const leaseMarginMs = 3000;
/** Milliseconds of that margin that are left for recording when an attempt begins at the last moment. */
const recordMarginMs = 1000;
/** Milliseconds between two sweeps. */
const sweepMs = 1000;

/**
 * Sends the outbox: claims what is due, POSTs each delivery once, records how it ended. `wake` tells it where there may
 * be something to send; a sweep finds what no wake-up told of.
 * @example
 * const dispatcher = new Dispatcher(options);
 * await dispatcher.start(listen);
 * dispatcher.wake(['kamen-test']);
 * await dispatcher.stop();
 */
export class Dispatcher {
  readonly #options: DispatcherOptions;
  readonly #record: Recorder;
  readonly #announcer: Announcer;
  readonly #due = new Set<string>();
  /** The deliveries under way in this process, by their ids. */
  readonly #inFlight = new Map<string, Promise<void>>();
  readonly #dispatching = new Loop(() => this.dispatchOnce(), { name: 'dispatch', idleMs: sweepMs });
  readonly #pace = new Pace(() => this.#dispatching.wake());
  readonly #sweeping = new Loop(() => this.sweepOnce().then(() => 0), { name: 'sweep', idleMs: sweepMs });

  constructor(options: DispatcherOptions) {
    this.#options = options;
    this.#announcer = new Announcer(options.db);
    this.#record = createRecorder(options.db, (ended) => this.#announcer.tell(ended));
  }

  /** Begins to dispatch: until {@link stop}, whatever happens to the database. */
  async start(listen: Listen): Promise<void> {
    await listenForWakeUps(listen, (locationIds) => this.wake(locationIds));
    await this.#announcer.start(listen);
    this.#sweeping.start();
    this.#dispatching.start();
  }

  /** Claims nothing more. Resolves when every POST in flight has ended and is on record. */
  async stop(): Promise<void> {
    await Promise.all([this.#sweeping.stop(), this.#dispatching.stop()]);
    await Promise.all(this.#inFlight.values());
  }

  /** Tells that these locations may have something to send. */
  wake(locationIds: Iterable<string>): void {
    for (const locationId of locationIds) this.#due.add(locationId);
    if (this.#pace.isFree) this.#dispatching.wake();
  }

  /** Claims once, and begins to send what it got. @returns for how many locations; 0: none is due, or it is not the time for more. */
  async dispatchOnce(): Promise<number> {
    const lanes = Math.min(this.#options.concurrency - this.#inFlight.size, maxLanes);
    if (lanes === 0 || this.#due.size === 0 || !this.#pace.isFree) return 0;
    const locationIds = [...this.#due].slice(0, lanes);
    for (const locationId of locationIds) this.#due.delete(locationId);
    try {
      await this.#claim(locationIds, lanes);
    } catch (error) {
      this.wake(locationIds);
      throw error;
    }
    return locationIds.length;
  }

  /** Frees the lanes of processes that died, and finds what is due. @returns how many locations that is. */
  async sweepOnce(): Promise<number> {
    const { db } = this.#options;
    // Those of this process end by themselves, however long the database was away: it knows their outcomes.
    const freed = await abandonOnce(db, maxSwept, [...this.#inFlight.keys()]);
    if (freed.length > 0) logger.warn({ deliveries: freed.length }, 'deliveries abandoned');
    metrics.deliveries.inc('crashed', freed.length);
    this.#announcer.tell(freed);
    const due = await findDueLocations(db, maxSwept);
    this.wake(due);
    return due.length;
  }

  async #claim(locationIds: string[], lanes: number): Promise<void> {
    const { db, timeoutMs } = this.#options;
    const leaseMs = timeoutMs + leaseMarginMs;
    // The lease runs from the claim's statement, which begins after this moment: so this one is on the safe side.
    const elapsedMs = startStopwatch();
    const { claims, areMoreFree } = await claim(db, locationIds, newIds(lanes), {
      ...this.#options,
      leaseMs,
    });
    this.#options.spans?.claimed(claims, elapsedMs());
    if (areMoreFree) this.wake(locationIds);
    const answered = this.#pace.begin(claims.filter(({ delivery }) => delivery !== null).length);
    for (const { locationId, delivery, skipped, areExpired } of claims) {
      metrics.eventsSkipped.inc(areExpired ? 'expired' : 'filtered', skipped);
      if (delivery) this.#begin(delivery, elapsedMs, answered);
      else this.wake([locationId]);
    }
  }

  #begin(delivery: ClaimedDelivery, elapsedMs: () => number, answered: () => void): void {
    const sending = this.#deliver(delivery, elapsedMs, answered)
      .catch((error: unknown) => {
        // Its lease runs out, and then it is abandoned.
        logger.error({ err: error, deliveryId: delivery.id }, 'delivery failed on our side');
      })
      .finally(() => {
        metrics.deliveriesInFlight.dec();
        this.#inFlight.delete(delivery.id);
        this.wake([delivery.locationId]);
      });
    metrics.deliveriesInFlight.inc();
    this.#inFlight.set(delivery.id, sending);
  }

  async #deliver(delivery: ClaimedDelivery, elapsedMs: () => number, answered: () => void): Promise<void> {
    const { encryption, sender, spans } = this.#options;
    const startedAt = new Date();
    const { body, headers, recordedHeaders } = toRequest(delivery, encryption, startedAt);
    const { locationId, endpointId, id, url } = delivery;
    // As late as can be: a process that was paused before this line sends nothing, and after it the attempt's deadline rules.
    if (elapsedMs() > leaseMarginMs - recordMarginMs)
      throw new Error('The lease ran out before the first byte was sent.');
    measureBatch(delivery, elapsedMs());
    const attempt = await sender.attempt({ url, method: 'POST', headers, body });
    answered();
    const result = toWholeMilliseconds(attempt);
    logOutcome(delivery, result);
    await this.#record({ ...result, locationId, endpointId, id, requestHeaders: recordedHeaders });
    await spans?.delivered(delivery, startedAt, result);
  }
}

/** New ids for deliveries, by one call for random bytes: it costs as much for hundreds as for one. */
function newIds(count: number): string[] {
  const random = randomBytes(16 * count);
  return Array.from({ length: count }, (_, n) => uuidv7({ random: random.subarray(16 * n, 16 * (n + 1)) }));
}

function measureBatch({ events, waitedMs }: ClaimedDelivery, sinceClaimMs: number): void {
  metrics.deliveryEvents.observe(events);
  if (waitedMs !== null) metrics.deliveryWaitSeconds.observe((waitedMs + sinceClaimMs) / 1000);
}

function toWholeMilliseconds(result: AttemptResult): AttemptResult {
  const { connectedMs, durationMs } = result;
  return {
    ...result,
    durationMs: Math.round(durationMs),
    connectedMs: connectedMs === null ? null : Math.round(connectedMs),
  };
}
