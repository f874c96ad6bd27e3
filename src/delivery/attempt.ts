import { setTimeout as wait } from 'node:timers/promises';
import { createSecureContext } from 'node:tls';
import { metrics } from '../metrics.ts';
import { connect, type Network } from './connect.ts';
import { Connection, type Message } from './connection.ts';
import { Deadline } from './deadline.ts';
import type { BodyReader, Ended } from './exchange.ts';
import { IdleConnections } from './idle-connections.ts';
import { type Reply, type ReplyLimits, requestOnce } from './request.ts';
import { createResolver, type Resolve } from './resolve.ts';
import { type CidrList, judgeUrl } from './url-guard.ts';

/**
 * Makes the one way out: sends requests to URLs that the URL policy allows, each within one deadline and at most once.
 * @param options.allow what `DELIVERY_ALLOW_CIDRS` exempts from the policy.
 * @param options.timeoutMs hard limit on an attempt, from the judging of its URL to the head of the answer.
 * @param options.resolve answers the addresses of a name, in place of DNS.
 * @param options.trustedCertificates certificate authorities (PEM) in place of the well-known ones.
 * @example
 * const sender = createSender({ allow: [], timeoutMs: 2000 });
 * await sender.attempt({ url: 'https://example.com/hook', method: 'POST', headers: {}, body: '[]' });
 * // { outcome: 'delivered', reason: null, statusCode: 204, durationMs: 48.1, connectedMs: 31.5 }
 */
export function createSender({ allow, timeoutMs, resolve, trustedCertificates }: SenderOptions): Sender {
  const dns = createResolver({ timeoutMs });
  const secureContext = createSecureContext({ ca: trustedCertificates });
  const network = { allow, resolve: resolve ?? dns.resolve, secureContext };
  const idle = new IdleConnections();
  const running = new Set<Promise<unknown>>();
  let isClosed = false;

  async function run<Result>(
    limitMs: number,
    begin: (deadline: Deadline) => Promise<Result>,
  ): Promise<Result> {
    if (isClosed) throw new Error('The sender is closed.');
    const deadline = new Deadline(limitMs);
    const result = begin(deadline);
    running.add(result);
    try {
      return await result;
    } finally {
      running.delete(result);
      deadline.end();
    }
  }

  return {
    attempt: (request) => run(timeoutMs, (deadline) => attemptOnce(request, { network, idle, deadline })),
    request: (request, limits) =>
      run(limits.timeoutMs, (deadline) => requestOnce(request, limits.maxBodyBytes, { network, deadline })),
    async close() {
      isClosed = true;
      await Promise.race([Promise.allSettled(running), wait(closeMs, undefined, { ref: false })]);
      idle.destroy();
      dns.cancel();
    },
  };
}

/** What {@link createSender} needs; see there. */
/** Milliseconds that closing waits: longer than any delivery, shorter than a slow third party. */
const closeMs = 5000;

export type SenderOptions = {
  allow: CidrList;
  timeoutMs: number;
  resolve?: Resolve;
  trustedCertificates?: string[];
};

/** What {@link createSender} makes. */
export type Sender = {
  /**
   * Sends one request and waits until its exchange is over. Redirects are not followed; 1xx answers are passed over.
   * The connection stays open for a moment, for the next request to the same origin.
   * @throws only for a bug, such as a header that cannot be written. What goes wrong on the network is a result.
   */
  attempt: (request: AttemptRequest) => Promise<AttemptResult>;
  /**
   * Sends one request on a connection of its own and reads its answer, all of it within one deadline.
   * @throws as `attempt` does.
   */
  request: (request: Message & { url: string }, limits: ReplyLimits) => Promise<Reply>;
  /** Refuses further attempts, waits for those under way (at most 5 s), and closes the idle connections. */
  close: () => Promise<void>;
};

/** What {@link Sender.attempt} sends. `headers` go out as they are, after `host` and `connection` and before `content-length`. */
export type AttemptRequest = Message & { url: string };

/**
 * How an attempt ended. `delivered`: the head of a 2xx answer came. Both times are milliseconds with their fraction
 * from the beginning of the attempt: `durationMs` until the outcome was known, `connectedMs` until the connection stood,
 * TLS included (0 when it already did; null when it never did).
 */
export type AttemptResult = Outcome & { durationMs: number; connectedMs: number | null };

type Outcome =
  | { outcome: 'delivered'; reason: null; statusCode: number }
  | { outcome: 'failed'; reason: 'http_status'; statusCode: number }
  | { outcome: 'failed'; reason: FailureReason; statusCode: null }
  | { outcome: 'timed_out'; reason: 'timeout'; statusCode: null };
type FailureReason = 'blocked' | 'dns' | 'connect' | 'tls' | 'reset' | 'protocol';

type Surroundings = { network: Network; idle: IdleConnections; deadline: Deadline };

async function attemptOnce(request: AttemptRequest, around: Surroundings): Promise<AttemptResult> {
  const { network, idle, deadline } = around;
  const judged = judgeUrl(request.url, network.allow);
  if (!judged.ok) return reportUnsent('blocked', deadline);
  // Its address was judged when it was opened, a moment ago, and is that of the whole origin.
  const waiting = idle.take(judged.url.origin);
  if (waiting !== null) {
    const ended = await exchangeOn(waiting, judged.url, request, around);
    // Nothing of it was written, so that another connection may carry it.
    if (ended.kind !== 'unsent') return report(ended, 0, deadline);
  }
  const connected = await connect(judged, network, deadline);
  if (!connected.ok) return reportUnsent(connected.reason, deadline);
  const connectedMs = deadline.elapsedMs();
  const connection = new Connection(judged.url.origin, connected.socket);
  connection.onClosed(() => idle.forget(connection));
  return report(await exchangeOn(connection, judged.url, request, around), connectedMs, deadline);
}

async function exchangeOn(
  connection: Connection,
  url: URL,
  request: AttemptRequest,
  { deadline, idle }: Surroundings,
): Promise<Ended> {
  let isReusable = false;
  try {
    const ended = await connection.exchange(url, request, new IgnoredBody(deadline), deadline);
    isReusable = ended.kind === 'answered' && ended.isComplete && connection.isClean;
    return ended;
  } finally {
    if (isReusable) idle.keep(connection);
    else connection.destroy();
  }
}

function reportUnsent(reason: FailureReason, deadline: Deadline): AttemptResult {
  if (reason === 'blocked') metrics.guardRefusals.inc('send');
  const outcome: Outcome = deadline.passed ? timedOut : { outcome: 'failed', reason, statusCode: null };
  return { ...outcome, durationMs: deadline.elapsedMs(), connectedMs: null };
}

function report(ended: Ended, connectedMs: number, deadline: Deadline): AttemptResult {
  const durationMs = ended.kind === 'answered' ? ended.answeredMs : deadline.elapsedMs();
  return { ...outcomeOf(ended), durationMs, connectedMs };
}

function outcomeOf(ended: Ended): Outcome {
  if (ended.kind === 'answered') return outcomeOfStatus(ended.statusCode);
  if (ended.kind === 'late') return timedOut;
  return { outcome: 'failed', reason: ended.kind === 'broken' ? ended.reason : 'reset', statusCode: null };
}

function outcomeOfStatus(statusCode: number): Outcome {
  const isDelivered = statusCode >= 200 && statusCode <= 299;
  if (isDelivered) return { outcome: 'delivered', reason: null, statusCode };
  return { outcome: 'failed', reason: 'http_status', statusCode };
}

/** Reads on for a moment only, so that the connection can serve the next request. */
class IgnoredBody implements BodyReader {
  readonly #deadline: Deadline;
  #bytes = 0;

  constructor(deadline: Deadline) {
    this.#deadline = deadline;
  }

  begin(): void {
    this.#deadline.shorten(bodyGraceMs);
  }

  take(chunk: Buffer): boolean {
    this.#bytes += chunk.length;
    return this.#bytes <= maxIgnoredBytes;
  }
}

/** Milliseconds after the head in which an ignored body may end. */
const bodyGraceMs = 50;

/** Bytes of an ignored body that are read: a new connection is cheaper than reading more. */
const maxIgnoredBytes = 64 * 1024;

const timedOut: Outcome = { outcome: 'timed_out', reason: 'timeout', statusCode: null };
