import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { AttemptResult } from '../../src/delivery/attempt.ts';
import { Deadline } from '../../src/delivery/deadline.ts';
import {
  drip,
  onFirstData,
  readNothing,
  sayNothing,
  startDeafListener,
  startRawReceiver,
  startReceiver,
} from '../support/receiver.ts';
import { post, resolvesTo, running, sender } from './sending.ts';

const timeoutMs = 300;

/** Never early, and not late by more than a busy machine explains. */
function expectTimedOut(result: AttemptResult, connectedMs: unknown): void {
  expect(result).toMatchObject({ outcome: 'timed_out', reason: 'timeout', statusCode: null, connectedMs });
  expect(result.durationMs).toBeGreaterThanOrEqual(timeoutMs - 1);
  expect(result.durationMs).toBeLessThan(timeoutMs + 1000);
}

/** How many TCP sockets this process holds that are connected or connecting. */
function heldSockets(): number {
  const kinds = new Set(['TCPSocketWrap', 'TLSWrap', 'ConnectWrap', 'TCPConnectWrap']);
  return process.getActiveResourcesInfo().filter((kind) => kinds.has(kind)).length;
}

test('a receiver that never answers is timed out, and its connection closed', async () => {
  const receiver = await running(startReceiver());
  receiver.answerWith(() => {});
  expectTimedOut(await sender({ timeoutMs }).attempt(post(receiver.url)), expect.any(Number));
  await receiver.closed(1);
  expect(receiver.requests).toHaveLength(1);
});

test('a receiver that says nothing, or reads nothing of a large body, is timed out', async () => {
  const silent = await running(startRawReceiver(sayNothing));
  expectTimedOut(await sender({ timeoutMs }).attempt(post(silent.url)), expect.any(Number));
  await silent.closed(1);
  const stuck = await running(startRawReceiver(readNothing));
  expectTimedOut(
    await sender({ timeoutMs }).attempt(post(stuck.url, { body: 'x'.repeat(8 << 20) })),
    expect.any(Number),
  );
});

test.each([
  ['headers', drip('HTTP/1.1 200 OK\r\n', 'x: y\r\n')],
  ['one header', drip('HTTP/1.1 200 OK\r\n', 'x')],
  ['a status line', drip('HTTP/1.1 200 ', 'O')],
  ['interim answers', drip('', 'HTTP/1.1 100 Continue\r\n\r\n')],
  ['one interim answer', drip('HTTP/1.1 100 Continue\r\n', 'x: y\r\n')],
])('a receiver that drips %s is timed out, and its connection closed', async (_case, behave) => {
  const receiver = await running(startRawReceiver(behave));
  expectTimedOut(await sender({ timeoutMs }).attempt(post(receiver.url)), expect.any(Number));
  await receiver.closed(1);
});

test('a TLS handshake that hangs is timed out, and its connection closed', async () => {
  const receiver = await running(startRawReceiver(sayNothing));
  expectTimedOut(await sender({ timeoutMs }).attempt(post(`https://127.0.0.1:${receiver.port}/`)), null);
  await receiver.closed(1);
  expect(receiver.openedCount()).toBe(1);
});

test.skipIf(process.platform !== 'linux')('connecting that hangs is timed out, and given up', async () => {
  const deaf = await running(startDeafListener());
  const send = sender({ timeoutMs, resolve: resolvesTo('127.0.0.1', '127.0.0.1', '127.0.0.1') });
  const before = heldSockets();
  expectTimedOut(await send.attempt(post(`http://hooks.example.com:${deaf.port}/`)), null);
  while (heldSockets() > before) await turn();
  expect(heldSockets()).toBeLessThanOrEqual(before);
});

test('a name that is never resolved is timed out; an answer that comes too late connects to nothing', async () => {
  const receiver = await running(startReceiver());
  const before = heldSockets();
  const answers: ((addresses: string[]) => void)[] = [];
  const resolve = () => new Promise<string[]>((settle) => answers.push(settle));
  expectTimedOut(
    await sender({ timeoutMs, resolve }).attempt(post(`http://hooks.example.com:${receiver.port}/`)),
    null,
  );
  for (const answer of answers) answer(['127.0.0.1']);
  await turn();
  expect(heldSockets()).toBeLessThanOrEqual(before);
  expect(receiver.openedCount()).toBe(0);
});

test.each([
  ['drips', drip('HTTP/1.1 200 OK\r\n\r\n', 'x')],
  ['drips in chunks', drip('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n', '1\r\nx\r\n')],
  ['never begins', onFirstData((socket) => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n'))],
])(
  'a 2xx answer whose body %s is delivered long before the deadline, and its connection closed',
  async (_case, behave) => {
    const receiver = await running(startRawReceiver(behave));
    // With the default deadline of the tests, an exchange that waited for it would not end in time.
    const result = await sender({ timeoutMs: 60_000 }).attempt(post(receiver.url));
    expect(result).toMatchObject({ outcome: 'delivered', statusCode: 200 });
    await receiver.closed(1);
  },
);

test('an endless body is cut off soon', async () => {
  let sent = 0;
  const receiver = await running(
    startRawReceiver(
      onFirstData((socket) => {
        const pump = () => {
          while (!socket.destroyed && socket.write('x'.repeat(16_384))) sent += 16_384;
        };
        socket.on('drain', pump);
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        pump();
      }),
    ),
  );
  const result = await sender({ timeoutMs: 60_000 }).attempt(post(receiver.url));
  expect(result).toMatchObject({ outcome: 'delivered', statusCode: 200 });
  await receiver.closed(1);
  // What both network stacks buffer comes on top of the 64 KiB.
  expect(sent).toBeLessThan(32 << 20);
});

test('the body may not outlast the deadline either', async () => {
  const receiver = await running(startRawReceiver(drip('HTTP/1.1 200 OK\r\n\r\n', 'x')));
  const began = performance.now();
  expect(await sender({ timeoutMs: 20 }).attempt(post(receiver.url))).toMatchObject({
    durationMs: expect.any(Number),
  });
  expect(performance.now() - began).toBeLessThan(1000);
  await receiver.closed(1);
});

test('a deadline that an event loop has delayed is neither early nor lost', async () => {
  const passed = await new Promise<number>((resolve) => {
    setImmediate(() => {
      const busyUntil = performance.now() + 50;
      while (performance.now() < busyUntil);
      const deadline = new Deadline(30);
      deadline.onPassed(() => resolve(deadline.elapsedMs()));
    });
  });
  expect(passed).toBeGreaterThanOrEqual(29);
});

test('a deadline can be shortened, not lengthened, and what is begun after it is destroyed at once', async () => {
  const deadline = new Deadline(60_000);
  deadline.shorten(120_000);
  deadline.shorten(1);
  await new Promise<void>((resolve) => deadline.onPassed(resolve));
  expect(deadline.passed).toBe(true);
  let isDestroyed = false;
  deadline.onPassed(() => (isDestroyed = true));
  expect(isDestroyed).toBe(true);
});
