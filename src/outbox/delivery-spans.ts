import {
  type Context,
  type Link,
  ROOT_CONTEXT,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  trace,
  type Tracer,
} from '@opentelemetry/api';
import type { Database } from '../db/client.ts';
import type { AttemptResult } from '../delivery/attempt.ts';
import { findIntakeSpans } from '../events/intake-spans.ts';
import { logger } from '../logger.ts';
import type { Claim, ClaimedDelivery } from './claim.ts';

/** The claim a delivery came from, and the intakes of its events. */
type Origin = { claim: Context; links: Link[] };

/**
 * The spans of claims and of the POSTs that follow, each linked to the intakes of the events it is about. They are made
 * when all is over, and no POST waits for them.
 */
export class DeliverySpans {
  readonly #db: Database;
  readonly #tracer: Tracer;
  readonly #origins = new WeakMap<ClaimedDelivery, Promise<Origin>>();

  constructor(db: Database, tracer: Tracer) {
    this.#db = db;
    this.#tracer = tracer;
  }

  /** This has just been claimed, which took so long. */
  claimed(claims: Claim[], durationMs: number): void {
    const deliveries = claims.map(({ delivery }) => delivery).filter((delivery) => delivery !== null);
    if (deliveries.length === 0) return;
    const endedAt = Date.now();
    const times = { startTime: endedAt - durationMs, endTime: endedAt };
    const claim = this.#findLinks(deliveries).then((links) => this.#addClaim(links, times));
    for (const [n, delivery] of deliveries.entries())
      this.#origins.set(
        delivery,
        claim.then(({ context, links }) => ({ claim: context, links: links[n] ?? [] })),
      );
  }

  /** A delivery has ended. Resolves when its span is made. */
  async delivered(delivery: ClaimedDelivery, startedAt: Date, result: AttemptResult): Promise<void> {
    const origin = await this.#origins.get(delivery);
    const { statusCode, reason } = result;
    const options = {
      kind: SpanKind.CLIENT,
      startTime: startedAt,
      links: origin?.links ?? [],
      attributes: { ...attributesOf(delivery), ...(statusCode !== null && { [status]: statusCode }) },
    };
    const span = this.#tracer.startSpan('POST', options, origin?.claim ?? ROOT_CONTEXT);
    if (reason !== null) {
      span.setAttribute('error.type', reason === 'http_status' ? `${statusCode}` : reason);
      span.setStatus({ code: SpanStatusCode.ERROR });
    }
    span.end(startedAt.getTime() + result.durationMs);
  }

  async #findLinks(deliveries: ClaimedDelivery[]): Promise<Link[][]> {
    try {
      return (await findIntakeSpans(this.#db, deliveries.map(toRange))).map((spans) => spans.map(toLink));
    } catch (error) {
      logger.warn({ err: error }, 'intake spans not found');
      return [];
    }
  }

  #addClaim(links: Link[][], { startTime, endTime }: { startTime: number; endTime: number }) {
    const attributes = { 'bellhop.deliveries': links.length };
    const span = this.#tracer.startSpan(
      'claim',
      { startTime, links: links.flat(), attributes },
      ROOT_CONTEXT,
    );
    span.end(endTime);
    return { context: trace.setSpan(ROOT_CONTEXT, span), links };
  }
}

const toRange = ({ locationId, firstSequence, lastSequence }: ClaimedDelivery) => ({
  locationId,
  firstSequence,
  lastSequence,
});
const toLink = (context: SpanContext): Link => ({ context });
const status = 'http.response.status_code';

/** By the semantic conventions of HTTP, but without path and query, which may hold a secret. */
function attributesOf({ id, endpointId, locationId, events, url }: ClaimedDelivery) {
  return {
    'http.request.method': 'POST',
    'server.address': new URL(url).hostname,
    'bellhop.delivery': id,
    'bellhop.endpoint': endpointId,
    'bellhop.location': locationId,
    'bellhop.events': events,
  };
}
