import type { IncomingHttpHeaders } from 'node:http';
import { type Dispatcher, errors } from 'undici';
import type { Deadline } from './deadline.ts';
import { ProtocolError } from './interim-responses.ts';

/**
 * How one request on one connection ended. `answered`: a final status came, whatever happened to the body;
 * `isComplete` says whether the body came to its end too. `unsent`: the connection was gone before the first byte was
 * written. `late`: the deadline passed first.
 */
export type Ended =
  | { kind: 'answered'; statusCode: number; answeredMs: number; isComplete: boolean }
  | { kind: 'broken'; reason: 'reset' | 'protocol' | 'tls' }
  | { kind: 'unsent' }
  | { kind: 'late' };

/** What becomes of the body of an answer. */
export type BodyReader = {
  /** The head of the final answer is there. */
  begin(headers: IncomingHttpHeaders): void;
  /** Takes a part of the body. @returns whether more is wanted. */
  take(chunk: Buffer): boolean;
};

/**
 * Follows one request from undici's side. It is written once: undici puts a request back into its queue in some cases
 * when a connection ends, so that a second start is refused here before anything is written.
 * @param body what becomes of the body of its answer.
 * @param onStart called when the request is about to be written.
 * @param settle called once, with how it ended.
 * @param crash called instead of `settle` when the request itself is unusable (a bug of ours).
 */
export class Exchange implements Dispatcher.DispatchHandler {
  readonly #deadline: Deadline;
  readonly #calls: ExchangeCalls;
  readonly #body: BodyReader;
  #isStarted = false;
  #statusCode: number | null = null;
  #answeredMs = 0;

  constructor(deadline: Deadline, body: BodyReader, calls: ExchangeCalls) {
    this.#deadline = deadline;
    this.#body = body;
    this.#calls = calls;
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    if (this.#isStarted) return controller.abort(new Error('A request is never written twice.'));
    if (this.#deadline.isOver) {
      // The lane may have gone on without us: nothing is sent any more.
      this.cut();
      return controller.abort(new Error('Its time is over.'));
    }
    this.#isStarted = true;
    this.#calls.onStart();
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    statusCode: number,
    headers: IncomingHttpHeaders,
  ): void {
    if (statusCode < 200) return controller.abort(new ProtocolError(`${statusCode} is not a final status.`));
    this.#statusCode = statusCode;
    this.#answeredMs = this.#deadline.elapsedMs();
    this.#body.begin(headers);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (!this.#body.take(chunk)) controller.abort(new Error('The rest of the body is not wanted.'));
  }

  onResponseEnd(): void {
    this.#end(true, null);
  }

  onResponseError(_controller: unknown, error: Error): void {
    this.#end(false, error);
  }

  /** The deadline has passed: ends the exchange with what is known. */
  cut(): void {
    this.#end(false, null);
  }

  #end(isComplete: boolean, error: Error | null): void {
    if (this.#statusCode !== null) return this.#calls.settle(this.#answered(this.#statusCode, isComplete));
    if (error === null) return this.#calls.settle({ kind: 'late' });
    if (isOurFault(error)) return this.#calls.crash(error);
    this.#calls.settle(this.#isStarted ? { kind: 'broken', reason: reasonOf(error) } : { kind: 'unsent' });
  }

  #answered(statusCode: number, isComplete: boolean): Ended {
    return { kind: 'answered', statusCode, answeredMs: this.#answeredMs, isComplete };
  }
}

type ExchangeCalls = { onStart: () => void; settle: (ended: Ended) => void; crash: (error: Error) => void };

/** Codes of undici for a request that cannot be written as it is. */
const faultCodes = new Set([
  'UND_ERR_INVALID_ARG',
  'UND_ERR_NOT_SUPPORTED',
  'UND_ERR_REQ_CONTENT_LENGTH_MISMATCH',
]);

function isOurFault(error: Error): boolean {
  return error instanceof TypeError || error instanceof RangeError || faultCodes.has(codeOf(error));
}

/** What undici says of an answer that is not HTTP/1.1, beside its parser's errors, which have no code. */
const protocolCodes = new Set([
  'UND_ERR_HEADERS_OVERFLOW',
  'UND_ERR_RES_CONTENT_LENGTH_MISMATCH',
  'ERR_ASSERTION',
]);

function reasonOf(error: Error): 'reset' | 'protocol' | 'tls' {
  const code = codeOf(error);
  if (error instanceof ProtocolError || error instanceof errors.HTTPParserError) return 'protocol';
  if (protocolCodes.has(code)) return 'protocol';
  // A receiver that refuses our side of TLS 1.3 says so only after the handshake.
  return /^ERR_(SSL|TLS)_/.test(code) ? 'tls' : 'reset';
}

function codeOf(error: Error): string {
  return 'code' in error ? String(error.code) : '';
}
