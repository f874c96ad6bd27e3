import type { Socket } from 'node:net';
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Receiver, startRawReceiver, startReceiver } from '../support/receiver.ts';
import { adminKey, startTestService, type TestService } from '../support/service.ts';
import { running } from '../support/stage.ts';
import { register } from './register.ts';

const mask = '••••••';
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

/** Registers, triggers, and gives what the receiver got; undefined when it got nothing. */
async function send(registration: object, given?: object, path = '/') {
  const seen = receiver.requests.length;
  const webhook = await register(service.api, { url: `${receiver.url}${path}`, ...registration });
  const answer = await webhook.trigger(given);
  return { ...webhook, answer, request: receiver.requests[seen] };
}

/** Why a trigger is refused, with nothing sent and the reason on record. */
async function mistakesOf(registration: object, given: object): Promise<[path: string, message: string][]> {
  const { answer, request, lastInvocation } = await send(registration, given);
  expect(answer.status).toBe(422);
  expect(request).toBeUndefined();
  expect(await lastInvocation()).toMatchObject({
    outcome: 'refused',
    reason: 'does_not_fit',
    detail: expect.stringContaining('The request has'),
    status: null,
    endedAt: expect.any(String),
  });
  return answer.body.errors.map((error: { path: string; message: string }) => [error.path, error.message]);
}

const mistake = (path: string, message: string) => [path, expect.stringContaining(message)];

/** A raw receiver that answers 204, and what came after the head of the one request that it got. */
async function startByteReceiver() {
  const chunks: Buffer[] = [];
  const whole = () => Buffer.concat(chunks);
  const receiver = await running(
    startRawReceiver((socket: Socket) => {
      socket.on('data', (chunk) => {
        chunks.push(chunk);
        const head = whole().toString('latin1').split('\r\n\r\n')[0] ?? '';
        const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0);
        if (whole().length >= head.length + 4 + length) socket.end('HTTP/1.1 204 No Content\r\n\r\n');
      });
    }),
  );
  return {
    url: receiver.url,
    head: () => headOf(whole()),
    body: () => whole().subarray(headOf(whole()).length + 4),
  };
}

const headOf = (bytes: Buffer) => bytes.toString('latin1').split('\r\n\r\n')[0] ?? '';

describe('the method', () => {
  it.each<[registered: string | undefined, data: unknown, sent: string]>([
    [undefined, 'x', 'POST'],
    [undefined, '', 'POST'],
    [undefined, {}, 'POST'],
    [undefined, undefined, 'GET'],
    ['PUT', undefined, 'PUT'],
    ['PUT', 'x', 'PUT'],
    ['PATCH', 'x', 'PATCH'],
    ['DELETE', 'x', 'DELETE'],
    ['DELETE', undefined, 'DELETE'],
    ['POST', undefined, 'POST'],
  ])('registered as %s, with the data %j, is %s', async (method, data, sent) => {
    const { request, answer } = await send({ method }, { data });
    expect(answer.body).toMatchObject({ status: 204, data: null, error: false });
    expect(request?.method).toBe(sent);
    expect(request?.body).toBe(typeof data === 'object' ? '{}' : (data ?? ''));
  });

  it('GET has no body, whatever the data', async () => {
    const { request, lastInvocation } = await send({ method: 'GET' }, { data: { a: 1 } });
    expect(request).toMatchObject({ method: 'GET', body: '' });
    expect(request?.headers).not.toHaveProperty('content-type');
    expect(await lastInvocation()).toMatchObject({ requestBytes: 0 });
  });

  it('of a trigger without a body is GET', async () => {
    const { request } = await send({});
    expect(request?.method).toBe('GET');
  });
});

describe('data', () => {
  it.each<[data: unknown, body: string, type: string]>([
    [{ b: 1, a: ['ä', null] }, '{"b":1,"a":["ä",null]}', 'application/json'],
    [[1, { a: true }], '[1,{"a":true}]', 'application/json'],
    ['Grüße 🕶\r\n', 'Grüße 🕶\r\n', 'text/plain; charset=utf-8'],
    ['{"already": "JSON"}', '{"already": "JSON"}', 'text/plain; charset=utf-8'],
  ])('%j goes out as %s, %s', async (data, body, type) => {
    const { request } = await send({}, { data });
    expect(request?.body).toBe(body);
    expect(request?.headers).toMatchObject({
      'content-type': type,
      'content-length': String(Buffer.byteLength(body)),
    });
  });

  it('takes the content type of the registration, in any case, else that of the caller', async () => {
    const registered = await send({ headers: { 'CONTENT-TYPE': 'text/csv' } }, { data: 'a,b' });
    expect(registered.request?.headers['content-type']).toBe('text/csv');
    const called = await send({}, { data: '<a/>', headers: { 'Content-Type': 'application/xml' } });
    expect(called.request?.headers['content-type']).toBe('application/xml');
  });

  it('in base64 arrives as exactly its bytes', async () => {
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, n) => n));
    const third = await startByteReceiver();
    const { trigger } = await register(service.api, { url: third.url, payload_encoding: 'base64' });
    const { body } = await trigger({ data: bytes.toString('base64') });
    expect(body).toMatchObject({ status: 204, error: false });
    expect(third.body()).toEqual(bytes);
    expect(third.head()).toContain('\r\ncontent-type: application/octet-stream\r\ncontent-length: 256');
  });

  it('in base64 may be a JPEG of 3 MB', async () => {
    const bytes = Buffer.alloc(3_000_000, 'jpeg\xff\xd8', 'latin1');
    const third = await startByteReceiver();
    const webhook = await register(service.api, { url: third.url, payload_encoding: 'base64' });
    const { status } = await webhook.trigger({ data: bytes.toString('base64') });
    expect(status).toBe(200);
    expect(third.body().equals(bytes)).toBe(true);
    expect(await webhook.lastInvocation()).toMatchObject({ requestBytes: 3_000_000, requestBody: null });
  });

  it.each<[what: string, data: unknown, message: string]>([
    ['not in the alphabet', 'ab!=', 'must be valid base64'],
    ['without its padding', 'YQ', 'must be valid base64'],
    ['with a line break', 'YWFh\nYWFh', 'must be valid base64'],
    ['of the URL alphabet', '_-8=', 'must be valid base64'],
    ['an object', {}, 'must be a text in base64'],
  ])('in base64 is refused when it is %s', async (_what, data, message) => {
    expect(await mistakesOf({ payload_encoding: 'base64' }, { data })).toEqual([mistake('data', message)]);
  });

  it('of the largest base64 is checked all the same', async () => {
    const { answer } = await send({ payload_encoding: 'base64' }, { data: `${'A'.repeat(10_000_000)}!` });
    expect(answer.body.errors).toEqual([{ path: 'data', message: 'must be valid base64' }]);
  });

  it.each<[given: object, path: string, message: string]>([
    [{ data: 5 }, 'data', 'must be a text, an object or a list'],
    [{ data: null }, 'data', 'must be a text, an object or a list'],
    [{ data: true }, 'data', 'must be a text, an object or a list'],
    [{ headers: 'x' }, 'headers', 'must be an object'],
    [{ headers: { a: 5 } }, 'headers.a', 'must be a text'],
    [{ queryParams: { pageNum: {} } }, 'queryParams.pageNum', 'must be a text, a number or true or false'],
    [{ queryParams: [] }, 'queryParams', 'must be an object'],
    [['x'], '', ''],
  ])('and the rest must be of the right type: %j is refused', async (given, path, message) => {
    expect(await mistakesOf({ queryParams: ['pageNum'] }, given)).toEqual([mistake(path, message)]);
  });

  it('that is nested too deeply is refused', async () => {
    const { path } = await register(service.api, { url: receiver.url });
    const seen = receiver.requests.length;
    // Written by hand, for JSON.stringify cannot.
    const answer = await fetch(`${service.url}${path}/trigger`, {
      method: 'POST',
      headers: { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json' },
      body: `{"data":[${'['.repeat(100_000)}${']'.repeat(100_000)}]}`,
    });
    expect(await answer.json()).toMatchObject({
      status: 422,
      errors: [{ path: 'data', message: 'is nested too deeply' }],
    });
    expect(receiver.requests).toHaveLength(seen);
  });

  it('above 10 MiB is refused with 413, and one just below is sent', async () => {
    const webhook = await register(service.api, { url: receiver.url });
    const seen = receiver.requests.length;
    const tooLarge = await webhook.trigger({ data: 'a'.repeat(10 * 1024 * 1024) });
    expect(tooLarge.status).toBe(413);
    expect(receiver.requests).toHaveLength(seen);
    const { body } = await webhook.trigger({ data: 'a'.repeat(10 * 1024 * 1024 - 20) });
    expect(body.status).toBe(204);
    expect(receiver.requests[seen]?.body).toHaveLength(10 * 1024 * 1024 - 20);
  });
});

describe('query parameters', () => {
  it.each<[registered: string, given: object, sent: string]>([
    ['/a', { q: 'x' }, '/a?q=x'],
    ['/a', { q: 'a b&c=d#e?f/ä+%20🕶' }, '/a?q=a%20b%26c%3Dd%23e%3Ff%2F%C3%A4%2B%2520%F0%9F%95%B6'],
    ['/a', { 'b&=c': 'x', q: '' }, '/a?b%26%3Dc=x&q='],
    ['/a', { q: 2, flag: true }, '/a?q=2&flag=true'],
    ['/a', { q: '\r\nx: y\0' }, '/a?q=%0D%0Ax%3A%20y%00'],
    ['/a', { q: '\ud800' }, '/a?q=%EF%BF%BD'],
    ['/a?key=s~(1)%20x&flag', { q: '1' }, '/a?key=s~(1)%20x&flag&q=1'],
    ['/a?q=old&key=s&q=older', { q: 'new' }, '/a?key=s&q=new'],
    ['/a?%71=old', { q: 'new' }, '/a?q=new'],
    ['/a?key=a%2fb+c', {}, '/a?key=a%2fb+c'],
    ['/a#fragment', { q: '1' }, '/a?q=1'],
  ])('%s with %j is sent as %s', async (path, queryParams, sent) => {
    const { request } = await send({ queryParams: ['q', 'flag', 'b&=c'] }, { queryParams }, path);
    expect(request?.url).toBe(sent);
  });

  it('that are not registered are refused', async () => {
    expect(await mistakesOf({ queryParams: ['a', 'b'] }, { queryParams: { a: 1, c: 2, B: 3 } })).toEqual([
      mistake('queryParams.c', 'is not registered: this webhook takes a, b'),
      mistake('queryParams.B', 'is not registered'),
    ]);
    expect(await mistakesOf({}, { queryParams: { 'a\0b': 1 } })).toEqual([
      mistake('queryParams.a\0b', 'this webhook takes none'),
    ]);
  });

  it('that make the URL too long are refused', async () => {
    expect(await mistakesOf({ queryParams: ['a'] }, { queryParams: { a: 'x'.repeat(2048) } })).toEqual([
      mistake('queryParams', 'make the URL too long'),
    ]);
  });
});

describe('headers', () => {
  it('of the caller are sent beside the hidden ones', async () => {
    const { request } = await send(
      { headers: { 'X-Api-Key': 'hidden', 'X-Fill': '' } },
      { headers: { 'x-fill': 'filled', 'X-More': 'a\tb', 'x-empty': '', 'user-agent': 'Mine' } },
    );
    expect(request?.headers).toMatchObject({
      'x-api-key': 'hidden',
      'x-fill': 'filled',
      'x-more': 'a\tb',
      'user-agent': 'Mine',
    });
    expect(request?.headers).not.toHaveProperty('x-empty');
  });

  it('that the caller must fill in are refused when missing or empty', async () => {
    const registration = { headers: { 'X-Fill': '' } };
    expect(await mistakesOf(registration, {})).toEqual([mistake('headers.x-fill', 'is missing')]);
    expect(await mistakesOf(registration, { headers: { 'x-fill': '' } })).toEqual([
      mistake('headers.x-fill', 'is missing'),
    ]);
  });

  it.each(['authorization', 'Authorization', 'AUTHORIZATION', 'aUTHORIZATION'])(
    'that are hidden cannot be replaced as %s',
    async (name) => {
      const message = 'is set by the registration, and cannot be replaced';
      const registration = { headers: { Authorization: 'Bearer hidden' } };
      expect(await mistakesOf(registration, { headers: { [name]: 'Bearer mine' } })).toEqual([
        mistake(`headers.${name}`, message),
      ]);
      expect(await mistakesOf(registration, { headers: { [name]: '' } })).toEqual([
        mistake(`headers.${name}`, message),
      ]);
    },
  );

  const hopByHop = [
    'host',
    'connection',
    'keep-alive',
    'proxy-authorization',
    'proxy-connection',
    'te',
    'trailer',
  ];
  const framing = [
    'content-length',
    'transfer-encoding',
    'upgrade',
    'expect',
    'webhook-signature',
    'bellhop-x',
  ];
  it.each([...hopByHop, ...framing].flatMap((name) => [name, name.toUpperCase()]))(
    'cannot be %s',
    async (name) => {
      expect(await mistakesOf({}, { headers: { [name]: 'x' } })).toEqual([
        mistake(`headers.${name}`, 'sets itself'),
      ]);
    },
  );

  it.each<[headers: Record<string, string>, message: string]>([
    ...['a\r\nb: c', 'a\nb', 'a\rb', 'a\0b', 'ä', ' a', 'a\x7f', '🕶', 'a'.repeat(4001)].map(
      (value): [Record<string, string>, string] => [{ 'x-a': value }, 'must'],
    ),
    [{ 'x-a': mask }, 'must be the value itself'],
    ...['a b', 'a:', 'a\r\nb', 'a\0', '', 'ä', '(', 'a'.repeat(101)].map(
      (name): [Record<string, string>, string] => [{ [name]: 'x' }, 'must be a header name'],
    ),
  ])('such as %j are refused', async (headers, message) => {
    expect(await mistakesOf({}, { headers })).toEqual([
      mistake(`headers.${Object.keys(headers)[0]}`, message),
    ]);
  });

  it('given twice in different cases are refused', async () => {
    expect(await mistakesOf({}, { headers: { 'x-a': '1', 'X-A': '2' } })).toEqual([
      mistake('headers.X-A', 'is given twice in different cases'),
    ]);
  });

  it('may be called like members of every object', async () => {
    const names = ['constructor', 'toString', 'hasOwnProperty', 'valueOf'];
    const headers = Object.fromEntries(names.map((name) => [name, 'x']));
    const { request } = await send({}, { headers });
    for (const name of names) expect(request?.headers[name.toLowerCase()]).toBe('x');
  });
});

describe('as much as a body can hold', () => {
  it.each<[name: string, value: unknown]>([
    ['headers', 'x'],
    ['headers', 5],
    ['queryParams', 'x'],
    ['queryParams', {}],
  ])('of %s (%j) is refused at once, with one mistake', async (name, value) => {
    const { trigger } = await register(service.api, { url: receiver.url, queryParams: ['a'] });
    const many = Object.fromEntries(Array.from({ length: 100_000 }, (_, n) => [`a${n}`, value]));
    const { status, body } = await trigger({ [name]: many });
    expect(status).toBe(422);
    expect(body.errors).toEqual([{ path: name, message: expect.stringContaining('must hold at most') }]);
  });
});

describe('a signed webhook', () => {
  it('carries a signature of Standard Webhooks over the exact bytes', async () => {
    const { registered, request, answer } = await send({ sign: true }, { data: { a: 'ä' } });
    const headers = Object.fromEntries(
      ['webhook-id', 'webhook-timestamp', 'webhook-signature'].map((name) => [
        name,
        String(request?.headers[name]),
      ]),
    );
    expect(new Webhook(registered.secret).verify(request?.body ?? '', headers)).toEqual({ a: 'ä' });
    expect(headers['webhook-id']).toBe(answer.body.referenceId);
    expect(() => new Webhook(registered.secret).verify('{"a":"b"}', headers)).toThrow(
      'No matching signature',
    );
  });

  it('is signed without a body too', async () => {
    const { request, registered } = await send({ sign: true });
    const { signature } = { signature: String(request?.headers['webhook-signature']) };
    const at = new Date(Number(request?.headers['webhook-timestamp']) * 1000);
    expect(new Webhook(registered.secret).sign(String(request?.headers['webhook-id']), at, '')).toBe(
      signature,
    );
  });

  it('keeps its secret when it is registered again, and one that is not signed has no signature', async () => {
    const { path, registered, trigger } = await register(service.api, { url: receiver.url, sign: true });
    await service.api.put(path, { url: `${receiver.url}/new`, sign: true });
    const seen = receiver.requests.length;
    await trigger({ data: '"x"' });
    const request = receiver.requests[seen];
    const names = ['webhook-id', 'webhook-timestamp', 'webhook-signature'];
    const headers = Object.fromEntries(names.map((name) => [name, String(request?.headers[name])]));
    expect(new Webhook(registered.secret).verify(request?.body ?? '', headers)).toBe('x');
    const plain = await send({}, { data: 'x' });
    for (const name of names) expect(plain.request?.headers).not.toHaveProperty(name);
  });
});
