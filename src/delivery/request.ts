import type { IncomingHttpHeaders } from 'node:http';
import { metrics } from '../metrics.ts';
import { connect, type Network } from './connect.ts';
import { Connection, type Message } from './connection.ts';
import type { Deadline } from './deadline.ts';
import type { BodyReader, Ended } from './exchange.ts';
import { judgeUrl } from './url-guard.ts';

/** What bounds a request whose answer is read: over all of it, and of the body as it comes, compressed or not. */
export type ReplyLimits = { timeoutMs: number; maxBodyBytes: number };

/**
 * How a request ended whose answer is read. `answered`: a final status came; `cutOff` says what kept the body from
 * coming to its end, null when nothing did. `durationMs`: milliseconds, with their fraction, until all was over.
 */
export type Reply = { durationMs: number } & (
  | {
      kind: 'answered';
      statusCode: number;
      contentType: string;
      contentEncoding: string;
      body: Buffer;
      cutOff: null | 'too_large' | 'timeout' | 'reset';
    }
  | { kind: 'failed'; outcome: 'timed_out'; reason: 'timeout' }
  | {
      kind: 'failed';
      outcome: 'failed';
      reason: FailureReason;
    }
);
type FailureReason = 'blocked' | 'dns' | 'connect' | 'tls' | 'reset' | 'protocol';

type Surroundings = { network: Network; deadline: Deadline };

/** Sends one request on a connection of its own, and reads the answer up to `maxBodyBytes`. */
export async function requestOnce(
  request: Message & { url: string },
  maxBodyBytes: number,
  { network, deadline }: Surroundings,
): Promise<Reply> {
  const judged = judgeUrl(request.url, network.allow);
  if (!judged.ok) return fail('blocked', deadline);
  const connected = await connect(judged, network, deadline);
  if (!connected.ok) return fail(connected.reason, deadline);
  const connection = new Connection(judged.url.origin, connected.socket);
  const body = new CollectedBody(maxBodyBytes);
  try {
    const ended = await connection.exchange(judged.url, request, body, deadline);
    if (ended.kind !== 'answered') return fail(ended.kind === 'broken' ? ended.reason : 'reset', deadline);
    return answer(ended, body, deadline);
  } finally {
    connection.destroy();
  }
}

function fail(reason: FailureReason, deadline: Deadline): Reply {
  if (reason === 'blocked') metrics.guardRefusals.inc('send');
  const durationMs = deadline.elapsedMs();
  if (deadline.passed) return { kind: 'failed', outcome: 'timed_out', reason: 'timeout', durationMs };
  return { kind: 'failed', outcome: 'failed', reason, durationMs };
}

function answer(ended: Ended & { kind: 'answered' }, body: CollectedBody, deadline: Deadline): Reply {
  return {
    kind: 'answered',
    statusCode: ended.statusCode,
    contentType: body.header('content-type'),
    contentEncoding: body.header('content-encoding'),
    body: body.bytes(),
    cutOff: ended.isComplete ? null : cutOffBy(body, deadline),
    durationMs: deadline.elapsedMs(),
  };
}

function cutOffBy(body: CollectedBody, deadline: Deadline) {
  if (body.isTooLarge) return 'too_large';
  return deadline.passed ? 'timeout' : 'reset';
}

/** Keeps the body of an answer, up to a number of bytes. */
class CollectedBody implements BodyReader {
  readonly #maxBytes: number;
  readonly #chunks: Buffer[] = [];
  #headers: IncomingHttpHeaders = {};
  #length = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  begin(headers: IncomingHttpHeaders): void {
    this.#headers = headers;
  }

  take(chunk: Buffer): boolean {
    this.#length += chunk.length;
    if (!this.isTooLarge) this.#chunks.push(chunk);
    return !this.isTooLarge;
  }

  get isTooLarge(): boolean {
    return this.#length > this.#maxBytes;
  }

  /** Empty when there is none; the first when there are several. */
  header(name: string): string {
    const value = this.#headers[name];
    return (Array.isArray(value) ? value[0] : value) ?? '';
  }

  bytes(): Buffer {
    return Buffer.concat(this.#chunks);
  }
}
