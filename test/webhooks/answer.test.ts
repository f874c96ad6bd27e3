import { brotliCompressSync, constants, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { drip, onFirstData, type Receiver, startRawReceiver, startReceiver } from '../support/receiver.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { running } from '../support/stage.ts';
import { register } from './register.ts';

const maxBytes = 1024 * 1024;
let service: TestService;
let receiver: Receiver;
beforeAll(async () => {
  service = await startTestService();
  receiver = await startReceiver();
});
afterAll(async () => {
  await receiver.stop();
  await service.stop();
});

type Reply = { status?: number; headers?: Record<string, string>; body?: string | Buffer };

/** What the app gets when the third party answers this. */
async function answered({ status = 200, headers = {}, body = '' }: Reply, registration: object = {}) {
  receiver.answerWith((_request, response) => response.writeHead(status, headers).end(body));
  const webhook = await register(service.api, { url: receiver.url, ...registration });
  const answer = await webhook.trigger();
  expect(answer.status).toBe(200);
  return { answer: answer.body, ...webhook };
}

describe('the data', () => {
  it.each<[type: string, body: string, data: unknown]>([
    ['application/json', '{"a":[1,"ä",null,{"b":true}]}', { a: [1, 'ä', null, { b: true }] }],
    ['application/json; charset=utf-8', '\ufeff{"a":1}', { a: 1 }],
    ['Application/JSON', '[]', []],
    ['application/problem+json', '{"title":"x"}', { title: 'x' }],
    ['application/json', '"text"', 'text'],
    ['application/json', '0', 0],
    ['application/json', 'false', false],
    ['application/json', 'null', null],
    ['application/json', '{"a":1', '{"a":1'],
    ['application/json', '<html>', '<html>'],
    ['application/json', '12345678901234567890', 12345678901234567000],
    ['application/json', '[1e999, -0, 1e-999]', [null, 0, 0]],
    [
      'application/json',
      '{"__proto__":{"a":1},"constructor":2}',
      JSON.parse('{"__proto__":{"a":1},"constructor":2}'),
    ],
    ['text/plain', 'Grüße 🕶', 'Grüße 🕶'],
    ['text/html; charset=UTF-8', '<p>ä</p>', '<p>ä</p>'],
    ['text/plain; charset=unheard-of', 'ä', 'ä'],
    ['application/xml', '<a/>', '<a/>'],
    ['application/atom+xml', '<a/>', '<a/>'],
    ['application/x-www-form-urlencoded', 'a=b', 'a=b'],
  ])('of %s %j is %j', async (type, body, data) => {
    const { answer } = await answered({ headers: { 'content-type': type }, body });
    expect(answer).toEqual({ referenceId: expect.any(String), status: 200, data, error: false });
  });

  it('of a body without a type is text', async () => {
    expect((await answered({ body: 'plain' })).answer.data).toBe('plain');
  });

  it.each(['text/plain; charset=iso-8859-1', 'text/plain; charset="ISO-8859-1"'])(
    'of %s is decoded so',
    async (type) => {
      const body = Buffer.from([0x47, 0x72, 0xfc, 0xdf, 0x65]);
      expect((await answered({ headers: { 'content-type': type }, body })).answer.data).toBe('Grüße');
    },
  );

  it('of text with bytes that are no text has replacement characters', async () => {
    const body = Buffer.from([0x61, 0xff, 0x00, 0x62]);
    const { answer } = await answered(
      { headers: { 'content-type': 'text/plain' }, body },
      { recordBodies: true },
    );
    expect(answer.data).toBe('a\ufffd\0b');
  });

  it('of anything else is base64 with its type, to exact bytes', async () => {
    const body = Buffer.from(Array.from({ length: 256 }, (_, n) => n));
    const { answer } = await answered(
      { headers: { 'content-type': 'image/jpeg' }, body },
      { headers: { 'Content-Type': 'image/jpeg', Accept: 'image/jpeg' } },
    );
    expect(answer.data).toEqual({ contentType: 'image/jpeg', base64: body.toString('base64') });
  });

  it.each<[status: number, type: string]>([
    [204, ''],
    [200, 'application/json'],
    [200, 'image/png'],
    [304, 'text/plain'],
  ])('of an empty body (%i %s) is null', async (status, type) => {
    const { answer } = await answered({ status, headers: type === '' ? {} : { 'content-type': type } });
    expect(answer).toMatchObject({ status, data: null, error: status === 304 });
  });

  it.each([400, 600, 5000, 400_000])(
    'of JSON that is nested %i deep comes, and nobody falls over it',
    async (depth) => {
      const body = '['.repeat(depth) + ']'.repeat(depth);
      const json = await answered(
        { headers: { 'content-type': 'application/json' }, body },
        { recordBodies: true },
      );
      expect(typeof json.answer.data).toBe(depth > 500 ? 'string' : 'object');
      expect(await json.lastInvocation()).toMatchObject({ outcome: 'answered', responseBytes: body.length });
    },
  );

  it('of countless numbers and texts does not hold up anybody, whatever is hidden', async () => {
    const headers = Object.fromEntries(Array.from({ length: 30 }, (_, n) => [`x-${n}`, `hidden value ${n}`]));
    const bodies = [`[${'1,'.repeat(500_000)}1]`, `[${'"aaaaaaaa",'.repeat(90_000)}"hidden value 7"]`];
    const before = process.cpuUsage();
    for (const body of bodies) {
      const { answer } = await answered(
        { headers: { 'content-type': 'application/json' }, body },
        { headers },
      );
      expect(Array.isArray(answer.data)).toBe(true);
    }
    // It was 4 s when each number and text was searched for each value. Time of the processor, for it may be busy.
    expect(process.cpuUsage(before).user / 1e6).toBeLessThan(3);
  });
});

describe('the status', () => {
  it.each([200, 201, 299])('%i is no error', async (status) => {
    expect((await answered({ status })).answer).toMatchObject({ status, error: false });
  });

  it.each([300, 400, 401, 404, 422, 429, 500, 503, 599, 999])(
    '%i is an error, with its data',
    async (status) => {
      const { answer, lastInvocation } = await answered({ status, body: 'why' });
      expect(answer).toMatchObject({ status, data: 'why', error: true });
      expect(await lastInvocation()).toMatchObject({ outcome: 'answered', reason: null, status });
    },
  );

  it.each([301, 302, 303, 307, 308])('%i is not followed', async (status) => {
    const internal = await running(startReceiver());
    const { answer } = await answered({ status, headers: { location: internal.url }, body: 'moved' });
    expect(answer).toMatchObject({ status, data: 'moved', error: true });
    expect(internal.openedCount()).toBe(0);
  });

  it.each([408, 421, 425, 429, 500, 502, 503])('%i is not asked again', async (status) => {
    const seen = receiver.requests.length;
    await answered({ status, headers: { 'retry-after': '0' } });
    expect(receiver.requests).toHaveLength(seen + 1);
  });
});

describe('a compressed body', () => {
  const text = 'Grüße '.repeat(1000);
  const plain = { 'content-type': 'text/plain' };

  it.each<[encoding: string, body: Buffer]>([
    ['gzip', gzipSync(text)],
    ['x-gzip', gzipSync(text)],
    ['GZIP', gzipSync(text)],
    ['deflate', deflateSync(text)],
    ['deflate', deflateRawSync(text)],
    ['br', brotliCompressSync(text)],
    ['identity', Buffer.from(text)],
  ])('of %s is read', async (encoding, body) => {
    const { answer, lastInvocation } = await answered({
      headers: { ...plain, 'content-encoding': encoding },
      body,
    });
    expect(answer).toMatchObject({ status: 200, data: text, error: false });
    expect(await lastInvocation()).toMatchObject({ responseBytes: Buffer.byteLength(text) });
  });

  it.each<[what: string, encoding: string, body: Buffer | string]>([
    ['an unknown encoding', 'zstd', 'x'],
    ['several encodings', 'gzip, br', 'x'],
    ['the name of a member of every object', 'constructor', 'x'],
    ['broken gzip', 'gzip', 'this is not gzip'],
    ['gzip that breaks off', 'gzip', gzipSync(text).subarray(0, 50)],
    ['broken br', 'br', 'this is not br'],
    ['broken deflate', 'deflate', 'this is not deflate'],
  ])('that has %s cannot be read: its status, no data, an error', async (_what, encoding, body) => {
    const { answer, lastInvocation } = await answered({
      headers: { ...plain, 'content-encoding': encoding },
      body,
    });
    expect(answer).toMatchObject({ status: 200, data: null, error: true });
    expect(await lastInvocation()).toMatchObject({ outcome: 'failed', reason: 'protocol', status: 200 });
  });

  it.each<[encoding: string, compress: (body: Buffer) => Buffer]>([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
    ['br', (body) => brotliCompressSync(body, { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } })],
  ])('that is a bomb of %s is defused', async (encoding, compress) => {
    const body = compress(Buffer.alloc(50 * maxBytes));
    expect(body.length).toBeLessThan(maxBytes);
    const { answer, lastInvocation } = await answered({
      headers: { ...plain, 'content-encoding': encoding },
      body,
    });
    expect(answer).toMatchObject({ status: 200, data: null, error: true });
    expect(await lastInvocation()).toMatchObject({ outcome: 'failed', reason: 'too_large', status: 200 });
  });
});

describe('a large body', () => {
  it('of 1 MiB is read', async () => {
    const { answer } = await answered({ body: 'a'.repeat(maxBytes) });
    expect(answer.data).toHaveLength(maxBytes);
  });

  it.each([false, true])(
    'of one byte more is not (compressed: %s): its status, no data, an error',
    async (isCompressed) => {
      const body = Buffer.alloc(maxBytes + 1, 'a');
      const { answer, lastInvocation } = await answered({
        headers: isCompressed ? { 'content-encoding': 'gzip' } : {},
        body: isCompressed ? gzipSync(body) : body,
      });
      expect(answer).toMatchObject({ status: 200, data: null, error: true });
      expect(await lastInvocation()).toMatchObject({
        outcome: 'failed',
        reason: 'too_large',
        status: 200,
        responseBytes: null,
      });
    },
  );

  it('that never ends is cut off, and its connection closed', async () => {
    const endless = await running(
      startRawReceiver(drip('HTTP/1.1 200 OK\r\n\r\n', 'a'.repeat(256 * 1024), 1)),
    );
    const { trigger } = await register(service.api, { url: endless.url });
    const { body } = await trigger();
    expect(body).toMatchObject({ status: 200, data: null, error: true });
    await endless.closed(1);
  });

  it('that claims to be larger than it is, is not waited for longer than the timeout', async () => {
    const head = `HTTP/1.1 200 OK\r\ncontent-length: ${2 ** 53}\r\n\r\nabc`;
    const liar = await running(startRawReceiver(onFirstData((socket) => socket.write(head))));
    const { trigger } = await register(service.api, { url: liar.url, timeoutMs: 200 });
    expect((await trigger()).body).toMatchObject({ status: 0, data: null, error: true });
    await liar.closed(1);
  });
});
