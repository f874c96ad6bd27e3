import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { certificate, privateKey } from '../delivery/certificate.ts';
import type { Answer } from '../support/api.ts';
import {
  answerBytes,
  drip,
  onFirstData,
  reset,
  sayNothing,
  startDeafListener,
  startRawReceiver,
  startReceiver,
} from '../support/receiver.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { running } from '../support/stage.ts';
import { register } from './register.ts';

let service: TestService;
beforeAll(async () => {
  service = await startTestService();
});
afterAll(() => service.stop());

/** What every app gets, whatever it was that kept the third party from answering. */
const notAnswered = { referenceId: expect.any(String), status: 0, data: null, error: true };

async function failsWith(url: string, more: object = {}) {
  const webhook = await register(service.api, { url, ...more });
  const { status, body } = await webhook.trigger({ data: 'x' });
  expect(status).toBe(200);
  expect(body).toEqual(notAnswered);
  const { outcome, reason, status: statusCode } = await webhook.lastInvocation();
  return { outcome, reason, status: statusCode };
}

/** A port that nobody listens on. */
async function closedUrl(): Promise<string> {
  const receiver = await startReceiver();
  await receiver.stop();
  return receiver.url;
}

describe('a third party that cannot be asked', () => {
  it('because its port is closed', async () => {
    expect(await failsWith(await closedUrl())).toEqual({
      outcome: 'failed',
      reason: 'connect',
      status: null,
    });
  });

  it('because it resets the connection', async () => {
    const { url } = await running(startRawReceiver(reset));
    expect(await failsWith(url)).toEqual({ outcome: 'failed', reason: 'reset', status: null });
  });

  it.each(['', 'HTTP/1.1 200 OK\r\ncont', 'HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc'])(
    'because it hangs up after %j',
    async (bytes) => {
      const { url } = await running(startRawReceiver(onFirstData((socket) => socket.end(bytes))));
      const status = bytes.includes('abc') ? 200 : null;
      expect(await failsWith(url)).toEqual({ outcome: 'failed', reason: 'reset', status });
    },
  );

  it('because nobody vouches for its certificate', async () => {
    const { url } = await running(startReceiver({ tls: { key: privateKey, cert: certificate } }));
    expect(await failsWith(url)).toEqual({ outcome: 'failed', reason: 'tls', status: null });
  });

  it('because it does not speak TLS', async () => {
    const { port } = await running(startReceiver());
    expect(await failsWith(`https://127.0.0.1:${port}/`)).toMatchObject({ outcome: 'failed', reason: 'tls' });
  });

  it.each(['nonsense\r\n\r\n', `HTTP/1.1 200 OK\r\nx: ${'a'.repeat(20_000)}`, 'HTTP/1.1 101 X\r\n\r\n'])(
    'because it does not speak HTTP: %.30j',
    async (bytes) => {
      const { url } = await running(startRawReceiver(answerBytes(bytes)));
      expect(await failsWith(url)).toEqual({ outcome: 'failed', reason: 'protocol', status: null });
    },
  );

  it('because its name does not resolve', async () => {
    expect(await failsWith('https://nobody.invalid/')).toMatchObject({ outcome: 'failed', reason: 'dns' });
  });
});

describe('the timeout of a webhook', () => {
  const timeoutMs = 300;
  /** What passes on a busy machine between the end of a request and the test. */
  const lateMs = 10_000;

  async function timesOut(url: string) {
    const beganAt = performance.now();
    const failed = await failsWith(url, { timeoutMs });
    const tookMs = performance.now() - beganAt;
    expect(tookMs).toBeGreaterThanOrEqual(timeoutMs);
    expect(tookMs).toBeLessThan(timeoutMs + lateMs);
    return failed;
  }

  it('ends a request that gets no answer', async () => {
    const silent = await running(startRawReceiver(sayNothing));
    expect(await timesOut(silent.url)).toEqual({ outcome: 'timed_out', reason: 'timeout', status: null });
    await silent.closed(1);
  });

  it('ends a TLS handshake', async () => {
    const silent = await running(startRawReceiver(sayNothing));
    const url = `https://127.0.0.1:${silent.port}/`;
    expect(await timesOut(url)).toEqual({ outcome: 'timed_out', reason: 'timeout', status: null });
    await silent.closed(1);
  });

  it.runIf(process.platform === 'linux')('ends a connection that does not come about', async () => {
    const { port } = await running(startDeafListener());
    const failed = await timesOut(`http://127.0.0.1:${port}/`);
    expect(failed).toEqual({ outcome: 'timed_out', reason: 'timeout', status: null });
  });

  it.each([
    ['its head', 'HTTP/1.1 200 OK\r\nx: ', 'a', null],
    ['a body without end', 'HTTP/1.1 200 OK\r\n\r\n', 'a', 200],
    ['a body in chunks', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n', '1\r\na\r\n', 200],
  ])('ends an answer that drips: %s', async (_what, first, piece, status) => {
    const dripping = await running(startRawReceiver(drip(first, piece)));
    expect(await timesOut(dripping.url)).toEqual({ outcome: 'timed_out', reason: 'timeout', status });
    await dripping.closed(1);
  });
});

/** All of them but those that differ by their nature. */
const headersOf = ({ headers }: Answer) =>
  [...headers].filter(([name]) => name !== 'date' && name !== 'x-request-id');

describe('a URL that the policy forbids when it is triggered', () => {
  it('is not contacted, and looks to the app like one that cannot be reached', async () => {
    const internal = await running(startReceiver());
    const strict = await running(
      startTestService({ DELIVERY_ALLOW_CIDRS: '', DATABASE_URL: service.databaseUrl }),
    );
    const blocked = await register(service.api, { url: internal.url });
    const refused = await register(service.api, { url: await closedUrl() });
    const fromBlocked = await strict.api.post(`${blocked.path}/trigger`, { data: 'x' });
    const fromRefused = await service.api.post(`${refused.path}/trigger`, { data: 'x' });
    expect(fromBlocked.status).toBe(fromRefused.status);
    expect(fromBlocked.body).toEqual(notAnswered);
    expect(Object.keys(fromBlocked.body)).toEqual(Object.keys(fromRefused.body));
    expect({ ...fromBlocked.body, referenceId: '' }).toEqual({ ...fromRefused.body, referenceId: '' });
    expect(headersOf(fromBlocked)).toEqual(headersOf(fromRefused));
    expect(internal.openedCount()).toBe(0);
    expect(await blocked.lastInvocation()).toMatchObject({
      outcome: 'failed',
      reason: 'blocked',
      status: null,
    });
    expect(await refused.lastInvocation()).toMatchObject({
      outcome: 'failed',
      reason: 'connect',
      status: null,
    });
  });
});
