import type { Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { Deadline } from '../../src/delivery/deadline.ts';
import { Exchange } from '../../src/delivery/exchange.ts';
import { onFirstData, startRawReceiver, startReceiver } from '../support/receiver.ts';
import { certificate, privateKey } from './certificate.ts';
import { post, resolvesTo, running, sender } from './sending.ts';

const isDelivered = { outcome: 'delivered' };

test('attempts that follow each other at one origin use one connection, over http and https', async () => {
  const send = sender({ resolve: resolvesTo('127.0.0.1'), trustedCertificates: [certificate] });
  const plain = await running(startReceiver());
  const secure = await running(startReceiver({ tls: { key: privateKey, cert: certificate } }));
  for (const receiver of [plain, secure]) {
    for (let n = 0; n < 5; n += 1)
      expect(await send.attempt(post(`${receiver.url}/${n}`))).toMatchObject(isDelivered);
    expect(receiver.requests.map((request) => request.connection)).toEqual([1, 1, 1, 1, 1]);
  }
});

test('a connection that was used again stood already', async () => {
  const receiver = await running(startReceiver());
  const send = sender();
  expect((await send.attempt(post(receiver.url))).connectedMs).toBeGreaterThan(0);
  expect((await send.attempt(post(receiver.url))).connectedMs).toBe(0);
});

test('connections are shared neither between origins nor between attempts at the same time', async () => {
  const receiver = await running(startReceiver());
  const send = sender({ resolve: resolvesTo('127.0.0.1') });
  await send.attempt(post(receiver.url));
  await send.attempt(post(`http://hooks.example.com:${receiver.port}/`));
  expect(receiver.openedCount()).toBe(2);
  await Promise.all([1, 2].map(() => send.attempt(post(receiver.url))));
  expect(receiver.openedCount()).toBe(3);
});

test('a URL that the policy forbids is blocked, though a connection to its origin is open', async () => {
  const receiver = await running(startReceiver());
  const send = sender();
  await send.attempt(post(receiver.url));
  const withUser = receiver.url.replace('//', '//user@');
  expect(await send.attempt(post(withUser))).toMatchObject({ outcome: 'failed', reason: 'blocked' });
  expect(receiver.requests).toHaveLength(1);
});

test('an idle connection is closed by itself', async () => {
  const receiver = await running(startReceiver());
  await sender().attempt(post(receiver.url));
  await receiver.closed(1);
  expect(receiver.requests).toHaveLength(1);
});

test('a busy event loop does not let a connection be used after its idle time', async () => {
  const receiver = await running(startReceiver());
  const send = sender();
  await send.attempt(post(receiver.url));
  const busyUntil = performance.now() + 150;
  while (performance.now() < busyUntil);
  expect(await send.attempt(post(receiver.url))).toMatchObject(isDelivered);
  expect(receiver.requests.map((request) => request.connection)).toEqual([1, 2]);
});

test('a receiver that asks for it, or whose answer was not read to its end, gets a new connection', async () => {
  const receiver = await running(startReceiver());
  const send = sender();
  receiver.answerWith((_request, response) => response.writeHead(200, { connection: 'close' }).end('x'));
  await send.attempt(post(receiver.url));
  receiver.answerWith((_request, response) => response.writeHead(200).end('x'.repeat(1 << 20)));
  await send.attempt(post(receiver.url));
  receiver.answerWith((_request, response) => response.writeHead(200).write('x'));
  await send.attempt(post(receiver.url));
  receiver.answerWith((_request, response) => response.writeHead(200).end('x'.repeat(50_000)));
  await send.attempt(post(receiver.url));
  await send.attempt(post(receiver.url));
  expect(receiver.requests.map((request) => request.connection)).toEqual([1, 2, 3, 4, 4]);
  await receiver.closed(3);
});

test('a receiver that closes the connection just when the next request arrives gets no request twice', async () => {
  const bodies: string[] = [];
  const receiver = await running(startReceiver());
  receiver.answerWith((request, response) => {
    bodies.push(request.body);
    if (bodies.length % 2 === 0) response.socket?.destroy();
    else response.writeHead(204).end();
  });
  const send = sender();
  const outcomes: unknown[] = [];
  for (let n = 0; n < 20; n += 1)
    outcomes.push((await send.attempt(post(receiver.url, { body: String(n) }))).reason);
  expect(outcomes).toEqual(Array.from({ length: 20 }, (_, n) => (n % 2 === 0 ? null : 'reset')));
  expect(bodies).toEqual(Array.from({ length: 20 }, (_, n) => String(n)));
});

test('a receiver that closes an idle connection at any moment gets each request at most once, and each delivered one', async () => {
  const bodies: string[] = [];
  const behave = (socket: Socket) => {
    socket.on('data', (chunk) => {
      bodies.push(...(/\r\n\r\n(\d+)$/.exec(chunk.toString())?.slice(1) ?? []));
      void answerAndClose(socket, bodies.length % 7);
    });
  };
  const receiver = await running(startRawReceiver(behave));
  const send = sender();
  const delivered: string[] = [];
  for (let n = 0; n < 300; n += 1) {
    const result = await send.attempt(post(receiver.url, { body: String(n) }));
    expect([null, 'reset']).toContain(result.reason);
    if (result.outcome === 'delivered') delivered.push(String(n));
  }
  expect(new Set(bodies).size).toBe(bodies.length);
  expect(bodies).toEqual(expect.arrayContaining(delivered));
  expect(delivered.length).toBeGreaterThan(0);
});

test('a connection that ended before the next request was written gives way to a new one', async () => {
  const receiver = await running(
    startRawReceiver(onFirstData((socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n'))),
  );
  const send = sender();
  for (let n = 1; n <= 5; n += 1) {
    expect(await send.attempt(post(receiver.url))).toMatchObject(isDelivered);
    await receiver.closed(n);
  }
  expect(receiver.openedCount()).toBe(5);
});

test('a request that undici takes back into its queue is refused before it is written again', () => {
  const deadline = new Deadline(1000);
  const aborted: Error[] = [];
  const controller = {
    aborted: false,
    paused: false,
    reason: null,
    abort: (error: Error) => aborted.push(error),
    pause() {},
    resume() {},
  };
  let starts = 0;
  const body = { begin() {}, take: () => true };
  const exchange = new Exchange(deadline, body, {
    onStart: () => (starts += 1),
    settle: () => {},
    crash: () => {},
  });
  exchange.onRequestStart(controller);
  expect(aborted).toEqual([]);
  exchange.onRequestStart(controller);
  expect(aborted).toHaveLength(1);
  expect(starts).toBe(1);
  deadline.end();
});

test('another host header, for which undici gives up a TLS connection, costs no request', async () => {
  const receiver = await running(startReceiver({ tls: { key: privateKey, cert: certificate } }));
  const send = sender({ trustedCertificates: [certificate] });
  for (const host of ['a.example.com', 'b.example.com', 'b.example.com'])
    expect(await send.attempt(post(receiver.url, { headers: { host } }))).toMatchObject(isDelivered);
  expect(receiver.requests.map((request) => request.headers.host)).toEqual([
    'a.example.com',
    'b.example.com',
    'b.example.com',
  ]);
});

test('closing waits for attempts under way, closes idle connections, and refuses further attempts', async () => {
  const receiver = await running(startReceiver());
  const send = sender({ timeoutMs: 60_000 });
  await send.attempt(post(receiver.url));
  const answers: (() => void)[] = [];
  receiver.answerWith((_request, response) => answers.push(() => response.writeHead(204).end()));
  const attempt = send.attempt(post(receiver.url));
  await receiver.received(2);
  const closing = send.close();
  await expect(send.attempt(post(receiver.url))).rejects.toThrow('closed');
  for (const answer of answers) answer();
  expect(await attempt).toMatchObject(isDelivered);
  await closing;
  await receiver.closed(1);
});

test('a thousand at once share their connections one after the other, and lose nothing', async () => {
  const receiver = await running(startReceiver());
  const busy = new Set<number>();
  receiver.answerWith(({ connection }, response) => {
    expect(busy.has(connection)).toBe(false);
    busy.add(connection);
    response.writeHead(204).end(() => busy.delete(connection));
  });
  const send = sender({ timeoutMs: 20_000 });
  const drain = async (name: string) => {
    for (let n = 0; n < 3; n += 1)
      expect(await send.attempt(post(receiver.url, { body: `${name} ${n}` }))).toMatchObject(isDelivered);
  };
  await Promise.all(Array.from({ length: 1000 }, (_, n) => drain(`endpoint ${n}`)));
  expect(new Set(receiver.requests.map((request) => request.body)).size).toBe(3000);
  expect(receiver.requests).toHaveLength(3000);
});

/** Answers, and hangs up so many turns of the event loop later, in one way or the other. */
async function answerAndClose(socket: Socket, turns: number): Promise<void> {
  socket.write('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n');
  for (let n = 0; n < turns; n += 1) await turn();
  if (turns % 2 === 0) socket.end();
  else socket.resetAndDestroy();
}
