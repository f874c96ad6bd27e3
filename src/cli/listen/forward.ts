import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import pLimit from 'p-limit';
import { describeError } from '../errors.ts';
import { clean, type Output } from '../output.ts';
import type { Arrived } from './listener.ts';

/** Milliseconds that an answer may take: longer than Bellhop waits, so that a slow receiver can be seen to be slow. */
const answerMs = 10_000;
/** Requests that may wait for those before them. */
const maxWaiting = 1000;

/** Names of headers that belong to one connection, or that the next request has of its own. */
const ownHeaders = new Set([
  'host',
  'connection',
  'keep-alive',
  'transfer-encoding',
  'content-length',
  'expect',
]);

/** Sends requests on to a URL as they came, headers and body, one after the other; says what was answered. */
export class Forwarder {
  readonly #url: URL;
  readonly #output: Output;
  readonly #inTurn = pLimit(1);
  readonly #stopping = new AbortController();

  constructor(url: string, output: Output) {
    this.#url = new URL(url);
    this.#output = output;
  }

  forward(arrived: Arrived): void {
    if (this.#inTurn.pendingCount >= maxWaiting)
      this.#show(arrived, { error: `not forwarded: ${maxWaiting} requests wait already` });
    else void this.#inTurn(() => this.#forward(arrived));
  }

  /** Breaks off what is under way, and drops what waits. */
  stop(): void {
    this.#inTurn.clearQueue();
    this.#stopping.abort();
  }

  async #forward(arrived: Arrived): Promise<void> {
    const beganAt = performance.now();
    try {
      const status = await this.#send(arrived);
      this.#show(arrived, { status, durationMs: Math.round(performance.now() - beganAt) });
    } catch (error) {
      const isLate = error instanceof Error && error.name === 'TimeoutError';
      if (!this.#stopping.signal.aborted)
        this.#show(arrived, {
          error: isLate ? `no answer within ${answerMs / 1000} s` : describeError(error),
        });
    }
  }

  async #send({ method, rawHeaders, body }: Arrived): Promise<number> {
    const signal = AbortSignal.any([this.#stopping.signal, AbortSignal.timeout(answerMs)]);
    const send = this.#url.protocol === 'https:' ? requestHttps : requestHttp;
    const headers = [
      ...withoutOwn(rawHeaders),
      'host',
      this.#url.host,
      'content-length',
      String(body.length),
    ];
    return new Promise((resolve, reject) => {
      send(this.#url, { method, headers, signal, agent: false }, (response) => {
        response.resume();
        response.on('error', () => {});
        resolve(response.statusCode ?? 0);
      })
        .on('error', (error) => reject(signal.reason instanceof Error ? signal.reason : error))
        .end(body);
    });
  }

  #show({ headers }: Arrived, answer: { status?: number; durationMs?: number; error?: string }): void {
    const id = headers['webhook-id']?.[0] ?? null;
    this.#output.showNext({ type: 'forwarded', id, url: this.#url.href, ...answer }, () => {
      const isGood = answer.status !== undefined && answer.status >= 200 && answer.status < 300;
      const said = answer.error ?? `${answer.status} in ${answer.durationMs} ms`;
      return `  → ${clean(this.#url.href)}  ${this.#output.paint(isGood ? 'green' : 'red', clean(said))}`;
    });
  }
}

function withoutOwn(rawHeaders: string[]): string[] {
  return rawHeaders.filter(
    (_, index) => !ownHeaders.has((rawHeaders[index - (index % 2)] ?? '').toLowerCase()),
  );
}
