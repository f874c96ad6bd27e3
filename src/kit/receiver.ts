import type { Delivery, SessionEvent } from './receiver-event.ts';
import { type Incoming, type Secrets, VerificationError, verify } from './receiver-verify.ts';

export { BellhopError } from './client-error.ts';
export { type CatchUpOptions, catchUp } from './receiver-catch-up.ts';
export type { Delivery, LoggedEvent, SequenceRange, SessionEvent } from './receiver-event.ts';
export { type Arrival, createTracker, judge, type Seen, type SeenStore } from './receiver-tracker.ts';
export { type Incoming, type Secrets, VerificationError, verify } from './receiver-verify.ts';

/** How a receiver verifies deliveries, and what it does with them. */
export type ReceiveOptions = {
  /** The signing secret of the endpoint; several during a rotation. */
  secret: Secrets;
  /** The work. It begins after the answer, and nobody waits for it. */
  onEvents: (events: SessionEvent[], delivery: Delivery) => unknown;
  /** Keeps a worker alive until the work is done, e.g. `(work) => ctx.waitUntil(work)`. */
  waitUntil?: (work: Promise<void>) => void;
  /** Is told what the work failed with; without it, the console is. */
  onError?: (error: unknown, delivery: Delivery) => void;
};

/**
 * Answers a delivery at once, and works later: Bellhop waits 2 seconds at most, and sends nothing again. It runs on Node,
 * Bun, Deno and workers.
 * @returns the answer to send: 204, or a 4xx with a sentence when the request is not a delivery of Bellhop.
 * @throws TypeError when a secret is not one of Bellhop.
 * @example export default { fetch: (request) => receive(request, { secret, onEvents: (events) => save(events) }) };
 */
export async function receive(
  request: Incoming & { method?: string | undefined },
  { secret, onEvents, waitUntil, onError = report }: ReceiveOptions,
): Promise<Response> {
  if (request.method && request.method !== 'POST')
    return new Response('Expected a POST.', { status: 405, headers: { allow: 'POST' } });
  try {
    const delivery = await verify(request, secret);
    const work = afterAnswer(() => onEvents(delivery.events, delivery)).catch((error: unknown) =>
      onError(error, delivery),
    );
    waitUntil?.(work);
    return new Response(null, { status: 204 });
  } catch (error) {
    if (!(error instanceof VerificationError)) throw error;
    return new Response(error.message, { status: statusOf(error) });
  }
}

/** A timer, since a microtask would run before the answer is written, and work may be busy. */
async function afterAnswer(work: () => unknown): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 0));
  await work();
}

function report(error: unknown, { id }: Delivery): void {
  // oxlint-disable-next-line no-console -- the last resort of a program that asked for nothing else
  console.error(`The work of delivery ${id} failed.`, error);
}

function statusOf({ reason }: VerificationError): number {
  if (reason === 'size') return 413;
  return reason === 'body' ? 400 : 401;
}
