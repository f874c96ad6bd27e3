import type { Socket } from 'node:net';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { answerBytes, onFirstData, reset, startRawReceiver, startReceiver } from '../support/receiver.ts';
import { post, running, sender } from './sending.ts';

async function answeredBy(bytes: string) {
  const receiver = await running(startRawReceiver(answerBytes(bytes)));
  return sender().attempt(post(receiver.url));
}

test('a 2xx answer is delivered, with its status and both times', async () => {
  const receiver = await running(startReceiver());
  receiver.answerWith((_request, response) => response.writeHead(202).end('thanks'));
  const result = await sender().attempt(post(receiver.url));
  expect(result).toEqual({
    outcome: 'delivered',
    reason: null,
    statusCode: 202,
    durationMs: expect.any(Number),
    connectedMs: expect.any(Number),
  });
  expect(result.durationMs).toBeGreaterThanOrEqual(result.connectedMs ?? Infinity);
});

test('the request goes out exactly as given, with host, connection and content-length', async () => {
  let received = '';
  const behave = onFirstData((socket) => socket.end('HTTP/1.1 204 No Content\r\n\r\n'));
  const receiver = await running(
    startRawReceiver((socket) => {
      socket.on('data', (chunk) => (received += chunk.toString()));
      behave(socket);
    }),
  );
  const headers = { 'content-type': 'application/json', 'webhook-id': '7', 'X-Own': 'é' };
  await sender().attempt(post(`${receiver.url}/a%20b?c=d#e`, { headers, body: '["é"]' }));
  expect(received).toBe(
    [
      'POST /a%20b?c=d HTTP/1.1',
      `host: 127.0.0.1:${receiver.port}`,
      'connection: keep-alive',
      'content-type: application/json',
      'webhook-id: 7',
      `X-Own: ${Buffer.from('é', 'latin1').toString()}`,
      'content-length: 6',
      '',
      '["é"]',
    ].join('\r\n'),
  );
});

test.each([300, 400, 404, 410, 429, 500, 503, 599])(
  '%i is failed with http_status, and not repeated',
  async (status) => {
    const receiver = await running(startReceiver());
    receiver.answerWith((_request, response) => response.writeHead(status, { 'retry-after': '0' }).end());
    const result = await sender().attempt(post(receiver.url));
    expect(result).toMatchObject({ outcome: 'failed', reason: 'http_status', statusCode: status });
    expect(receiver.requests).toHaveLength(1);
  },
);

test('421, on which fetch sends again, is sent once', async () => {
  const receiver = await running(startReceiver());
  receiver.answerWith((_request, response) => response.writeHead(421).end());
  const result = await sender().attempt(post(receiver.url));
  expect(result).toMatchObject({ outcome: 'failed', reason: 'http_status', statusCode: 421 });
  expect(receiver.requests).toHaveLength(1);
  expect(receiver.openedCount()).toBe(1);
});

test.each([301, 302, 303, 307, 308])(
  'a redirect (%i) to an internal address is not followed',
  async (status) => {
    const internal = await running(startReceiver());
    const receiver = await running(startReceiver());
    receiver.answerWith((_request, response) => response.writeHead(status, { location: internal.url }).end());
    const result = await sender().attempt(post(receiver.url));
    expect(result).toMatchObject({ outcome: 'failed', reason: 'http_status', statusCode: status });
    expect(internal.openedCount()).toBe(0);
  },
);

const final = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';

test.each([
  ['100', 'HTTP/1.1 100 Continue\r\n\r\n'],
  ['102', 'HTTP/1.1 102 Processing\r\nx: y\r\n\r\n'],
  ['103', 'HTTP/1.1 103 Early Hints\r\nlink: </a>\r\nlink: </b>\r\n\r\n'],
  ['199 without a phrase', 'HTTP/1.1 199\r\n\r\n'],
  [
    'several',
    'HTTP/1.1 103 Early Hints\r\nx: y\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n',
  ],
])('interim answers (%s) are passed over, whole or byte by byte', async (_case, interim) => {
  expect(await answeredBy(interim + final)).toMatchObject({ outcome: 'delivered', statusCode: 200 });
  const slowly = async (socket: Socket) => {
    socket.setNoDelay(true);
    for (const byte of interim + final) await new Promise((written) => socket.write(byte, written));
  };
  const receiver = await running(startRawReceiver(onFirstData((socket) => void slowly(socket))));
  expect(await sender().attempt(post(receiver.url))).toMatchObject({ outcome: 'delivered', statusCode: 200 });
});

test('interim answers are passed over on a connection that is used again', async () => {
  const receiver = await running(startRawReceiver(answerBytes(`HTTP/1.1 100 Continue\r\n\r\n${final}`)));
  const send = sender();
  for (let n = 0; n < 3; n += 1)
    expect(await send.attempt(post(receiver.url))).toMatchObject({ statusCode: 200 });
});

test.each([
  ['is not HTTP', 'nonsense\r\n\r\n'],
  ['is another protocol', 'SSH-2.0-OpenSSH_9.6\r\n'],
  ['is another HTTP version', 'HTTP/3.7 200 OK\r\n\r\n'],
  ['has a status that is no number', 'HTTP/1.1 2x0 OK\r\n\r\n'],
  ['has status 000', 'HTTP/1.1 000 No\r\ncontent-length: 0\r\n\r\n'],
  ['has status 099', 'HTTP/1.1 099 No\r\ncontent-length: 0\r\n\r\n'],
  ['has a header without a name', 'HTTP/1.1 200 OK\r\n: x\r\n\r\n'],
  ['has two lengths', 'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n'],
  [
    'switches protocols',
    'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n',
  ],
  ['switches protocols to none', 'HTTP/1.1 101 Switching Protocols\r\n\r\n'],
  ['has a malformed interim answer', `HTTP/1.1 100 Continue\n\n${final}`],
  ['has a huge interim answer', `HTTP/1.1 100 Continue\r\nx: ${'a'.repeat(20_000)}`],
  ['has one huge header', `HTTP/1.1 200 OK\r\nx: ${'a'.repeat(20_000)}`],
  ['has countless headers', `HTTP/1.1 200 OK\r\n${'x: y\r\n'.repeat(20_000)}`],
])('an answer that %s is failed with protocol', async (_case, bytes) => {
  expect(await answeredBy(bytes)).toMatchObject({ outcome: 'failed', reason: 'protocol', statusCode: null });
});

test('a receiver that resets the connection is failed with reset', async () => {
  const receiver = await running(startRawReceiver(reset));
  const result = await sender().attempt(post(receiver.url));
  expect(result).toMatchObject({ outcome: 'failed', reason: 'reset', statusCode: null });
  expect(result.connectedMs).toBeGreaterThan(0);
});

test('a receiver that resets in the midst of a large request is failed with reset', async () => {
  const receiver = await running(startRawReceiver(reset));
  const result = await sender().attempt(post(receiver.url, { body: 'x'.repeat(8 << 20) }));
  expect(result).toMatchObject({ outcome: 'failed', reason: 'reset' });
});

test('an answer that comes before the request was read counts, and the connection is not used again', async () => {
  const answer = onFirstData((socket) => {
    socket.pause();
    socket.write('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n');
  });
  const receiver = await running(startRawReceiver(answer));
  const send = sender();
  for (let n = 0; n < 3; n += 1)
    expect(await send.attempt(post(receiver.url, { body: 'x'.repeat(8 << 20) }))).toMatchObject({
      outcome: 'delivered',
      statusCode: 200,
    });
  expect(receiver.openedCount()).toBe(3);
});

test.each([
  ['before a word', ''],
  ['in the midst of the head', 'HTTP/1.1 200 OK\r\ncont'],
  ['in the midst of an interim answer', 'HTTP/1.1 100 Con'],
])('a receiver that hangs up %s is failed with reset', async (_case, bytes) => {
  const receiver = await running(startRawReceiver(onFirstData((socket) => socket.end(bytes))));
  expect(await sender().attempt(post(receiver.url))).toMatchObject({ outcome: 'failed', reason: 'reset' });
});

test('a receiver that resets as soon as it accepts is failed with connect or reset, by what is noticed first', async () => {
  const receiver = await running(startRawReceiver((socket) => socket.resetAndDestroy()));
  const result = await sender().attempt(post(receiver.url));
  expect(result).toMatchObject({ outcome: 'failed', reason: expect.stringMatching(/^(connect|reset)$/) });
});

test.each([
  ['breaks off', 'content-length: 1000\r\n\r\nabc'],
  ['is malformed', 'transfer-encoding: chunked\r\n\r\nzz\r\n'],
  ['is falsely compressed', 'content-encoding: gzip\r\ncontent-length: 3\r\n\r\nabc'],
  ['ends with the connection', '\r\nabc'],
])('after a 2xx head it is delivered, even if the body %s', async (_case, rest) => {
  const receiver = await running(
    startRawReceiver(onFirstData((socket) => socket.end(`HTTP/1.1 200 OK\r\n${rest}`))),
  );
  expect(await sender().attempt(post(receiver.url))).toMatchObject({ outcome: 'delivered', statusCode: 200 });
  await receiver.closed(1);
});

test('after a 2xx head it is delivered, even if the receiver resets at once', async () => {
  const behave = onFirstData((socket) =>
    socket.write('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n', () => socket.resetAndDestroy()),
  );
  const receiver = await running(startRawReceiver(behave));
  const result = await sender().attempt(post(receiver.url));
  // The reset may overtake the head in the receiver's own network stack.
  expect([200, null]).toContain(result.statusCode);
  expect(result.outcome).toBe(result.statusCode === 200 ? 'delivered' : 'failed');
});

test('whatever bytes come, an attempt ends with a result', async () => {
  let answer = Buffer.alloc(0);
  const receiver = await running(startRawReceiver(onFirstData((socket) => socket.end(answer))));
  const send = sender({ timeoutMs: 500 });
  const piece = fc.oneof(
    fc.constantFrom(
      'HTTP/1.1 ',
      '200',
      '100',
      '101',
      '204',
      ' OK',
      '\r\n',
      '\r\n\r\n',
      'content-length: 3',
      'abc',
      '\n',
    ),
    fc.constantFrom(
      'connection: close',
      'transfer-encoding: chunked',
      '3\r\nabc\r\n',
      '0\r\n\r\n',
      'upgrade: x',
      'keep-alive: timeout=0',
    ),
    fc.string({ unit: 'binary', maxLength: 5 }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(piece), async (pieces) => {
      answer = Buffer.from(pieces.join(''));
      const result = await send.attempt(post(receiver.url));
      expect(['delivered', 'failed']).toContain(result.outcome);
    }),
    { numRuns: 300 },
  );
});

test('a request that cannot be written is an exception, and writes nothing', async () => {
  const receiver = await running(startReceiver());
  const send = sender();
  await expect(send.attempt(post(receiver.url, { headers: { 'x-bad': 'a\r\nb: c' } }))).rejects.toThrow(
    'invalid x-bad header',
  );
  await expect(send.attempt(post(receiver.url, { headers: { expect: '100-continue' } }))).rejects.toThrow(
    'expect',
  );
  await receiver.closed(2);
  expect(receiver.requests).toEqual([]);
});
