import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { adminKey, startTestService, type TestService } from '../support/service.ts';
import { addLocation, newEvent } from '../support/venue.ts';
import { head, openSocket, readAnswer, sendRaw } from './raw.ts';

let service: TestService;
let location: string;
beforeAll(async () => {
  service = await startTestService();
  location = await addLocation(service.api);
});
afterAll(() => service.stop());

describe('every error answer', () => {
  it.each([
    ['GET', '/nothing', 404],
    ['GET', '/v1', 404],
    ['GET', '/v1/', 404],
    ['GET', '/v1/nothing', 404],
    ['GET', '/v1/locations/', 404],
    ['GET', '/V1/LOCATIONS', 404],
    ['GET', '/v1/locations/nowhere', 404],
    ['GET', '/v1/locations//events', 404],
    ['GET', '/v1/events', 405],
    ['DELETE', '/v1/events', 405],
    ['OPTIONS', '/v1/events', 405],
    ['PATCH', '/v1/locations', 405],
    ['POST', '/healthz', 405],
    ['PUT', '/openapi.json', 405],
    ['POST', '/v1/events', 400],
    ['GET', '/v1/locations?limit=0', 422],
  ])('is a problem with its requestId: %s %s', async (method, path, status) => {
    const answer = await fetch(service.url + path, {
      method,
      headers: { authorization: `Bearer ${adminKey}` },
    });
    expect(answer.status).toBe(status);
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    const body: unknown = await answer.json();
    expect(body).toMatchObject({ title: expect.any(String), status, detail: expect.stringMatching(/[.:`]/) });
    expect(body).toHaveProperty('requestId', answer.headers.get('x-request-id'));
  });

  it('carries the id that the caller gave, unless that is no id', async () => {
    expect(await ask('from-the-core-app_1')).toBe('from-the-core-app_1');
    expect(await ask('<script>')).toMatch(/^[0-9a-f-]{36}$/);
    expect(await ask('a'.repeat(300))).toMatch(/^[0-9a-f-]{36}$/);
  });
});

describe('a method that a path does not take', () => {
  it.each([
    ['GET', '/v1/events', 'POST'],
    ['POST', '/v1/locations', 'GET, HEAD'],
    ['POST', '/v1/locations/x', 'PUT, GET, HEAD, DELETE'],
    ['PUT', '/v1/locations/x/endpoints/y', 'GET, HEAD, PATCH, DELETE'],
    ['GET', '/v1/keys/x', 'DELETE'],
    ['DELETE', '/healthz', 'GET, HEAD'],
    ['PURGE', '/v1/keys', 'POST, GET, HEAD'],
    ['TRACE', '/v1/keys', 'POST, GET, HEAD'],
  ])('is answered 405 with those it takes: %s %s', async (method, path, allow) => {
    const answer = await sendRaw(service.url, head(`${method} ${path}`, { connection: 'close' }));
    expect(answer.status).toBe(405);
    expect(answer.head.toLowerCase()).toContain(`\r\nallow: ${allow.toLowerCase()}\r\n`);
    expect(JSON.parse(answer.body).detail).toBe(`This path takes ${allow} only.`);
  });

  it('does not tell strangers what paths there are', async () => {
    for (const path of ['/v1/events', '/v1/nothing'])
      expect((await fetch(service.url + path, { method: 'DELETE' })).status).toBe(401);
  });

  it('leaves HEAD to GET', async () => {
    const headers = { authorization: `Bearer ${adminKey}` };
    const answer = await fetch(`${service.url}/v1/locations`, { method: 'HEAD', headers });
    expect([answer.status, await answer.text()]).toEqual([200, '']);
  });
});

describe('what is not quite HTTP', () => {
  const json = { 'content-type': 'application/json' };
  const chunked = { ...json, 'transfer-encoding': 'chunked' };
  const close = { connection: 'close' };
  it.each<[name: string, status: number, bytes: string | Buffer]>([
    ['a chunk size that is no number', 400, `${head('POST /v1/events', chunked)}zz\r\n[]\r\n0\r\n\r\n`],
    ['a chunk size beyond all bounds', 400, `${head('POST /v1/events', chunked)}${'f'.repeat(18)}\r\n[]\r\n`],
    ['a chunk longer than it says', 400, `${head('POST /v1/events', chunked)}1\r\n[]\r\n0\r\n\r\n`],
    [
      'a content-length and chunks',
      400,
      `${head('POST /v1/events', { ...chunked, 'content-length': '5' })}0\r\n\r\n`,
    ],
    [
      'chunks and a content-length',
      400,
      `${head('POST /v1/events', { 'content-length': '5', ...chunked })}0\r\n\r\n`,
    ],
    [
      'two content-lengths',
      400,
      `${head('POST /v1/events', [...Object.entries(json), ['content-length', '2'], ['content-length', '3']])}[] `,
    ],
    [
      'two content-lengths in one',
      400,
      `${head('POST /v1/events', { ...json, 'content-length': '2, 2' })}[]`,
    ],
    ['a negative content-length', 400, head('POST /v1/events', { ...json, 'content-length': '-1' })],
    [
      'a content-length with a sign',
      400,
      `${head('POST /v1/events', { ...json, 'content-length': '+2' })}[]`,
    ],
    [
      'an unknown transfer-encoding',
      400,
      `${head('POST /v1/events', { ...json, 'transfer-encoding': 'gzip' })}[]`,
    ],
    [
      'chunks and another encoding',
      400,
      `${head('POST /v1/events', { ...json, 'transfer-encoding': 'chunked, identity' })}0\r\n\r\n`,
    ],
    [
      'two transfer-encodings, the last of them unknown',
      400,
      `${head('POST /v1/events', [
        ['transfer-encoding', 'chunked'],
        ['transfer-encoding', 'x'],
      ])}0\r\n\r\n`,
    ],
    [
      'an unknown transfer-encoding and a content-length',
      400,
      `${head('POST /v1/events', { 'transfer-encoding': 'xchunked', 'content-length': '2' })}[]`,
    ],
    ['a blank before a colon', 400, `${head('POST /v1/events', { 'content-length ': '2' })}[]`],
    [
      'a tab before a colon',
      400,
      `${head('POST /v1/events', { 'transfer-encoding\t': 'chunked' })}0\r\n\r\n`,
    ],
    ['a blank before the first header', 400, 'GET /healthz HTTP/1.1\r\n host: x\r\n\r\n'],
    ['bare line feeds', 400, 'GET /healthz HTTP/1.1\nhost: x\n\n'],
    ['a bare line feed after the head', 400, 'GET /healthz HTTP/1.1\r\nhost: x\r\n\n'],
    ['a bare carriage return in a header', 400, head('GET /healthz', { x: 'a\rb: c' })],
    ['a bare line feed after a chunk size', 400, `${head('POST /v1/events', chunked)}2\n[]\r\n0\r\n\r\n`],
    ['a chunk size with a sign', 400, `${head('POST /v1/events', chunked)}+2\r\n[]\r\n0\r\n\r\n`],
    [
      'a chunk size in hexadecimal notation',
      400,
      `${head('POST /v1/events', chunked)}0x2\r\n[]\r\n0\r\n\r\n`,
    ],
    [
      'a chunk extension of 20 KB',
      413,
      `${head('POST /v1/events', chunked)}2;${'a'.repeat(20_000)}\r\n[]\r\n0\r\n\r\n`,
    ],
    ['two hosts', 400, head('GET /healthz', { host: 'other.example', ...close })],
    ['HTTP/1.0 without a host', 400, 'GET /healthz HTTP/1.0\r\n\r\n'],
    ['an unknown method', 501, head('FROBNICATE /v1/events')],
    ['a method in lower case', 501, head('post /v1/events')],
    ['CONNECT', 501, head('CONNECT example.com:443')],
    ['CONNECT with a path', 501, head('CONNECT /v1/events')],
    ['a method that is none', 400, head('G(T /v1/events')],
    ['a blank in a header name', 400, head('GET /healthz', { 'x y': '1' })],
    ['a header without a colon', 400, 'GET /healthz HTTP/1.1\r\nhost: x\r\nnonsense\r\n\r\n'],
    ['a folded header', 400, 'GET /healthz HTTP/1.1\r\nhost: x\r\nx: a\r\n b\r\n\r\n'],
    ['a NUL in a header', 400, head('GET /healthz', { x: 'a\0b' })],
    ['a bare line feed in a header', 400, head('GET /healthz', { x: 'a\nb' })],
    ['a NUL in the path', 400, head('GET /v1/\0')],
    ['a byte beyond ASCII in the path', 400, head('GET /v1/locations/\u00ff')],
    ['a path without a slash', 400, head('GET v1/locations')],
    ['backslashes', 400, head('GET \\v1\\locations')],
    ['no host', 400, 'GET /healthz HTTP/1.1\r\nconnection: close\r\n\r\n'],
    ['an empty host', 400, 'GET /healthz HTTP/1.1\r\nhost:\r\nconnection: close\r\n\r\n'],
    ['a host that is none', 400, 'GET /healthz HTTP/1.1\r\nhost: a b\r\nconnection: close\r\n\r\n'],
    ['OPTIONS *', 400, head('OPTIONS *', close)],
    ['HTTP/2', 400, 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['HTTP/9.9', 400, 'GET /healthz HTTP/9.9\r\nhost: x\r\n\r\n'],
    ['TLS', 400, Buffer.from('16030100c8010000c40303', 'hex')],
    ['a header of 20 KB', 431, head('GET /healthz', { x: 'a'.repeat(20_000) })],
    [
      '3,000 headers',
      431,
      head(
        'GET /healthz',
        Array.from({ length: 3000 }, (_, n) => [`x-${n}`, 'a']),
      ),
    ],
    ['a path of 20 KB', 431, head(`GET /v1/locations/${'a'.repeat(20_000)}`)],
    [
      'an unknown expectation',
      422,
      `${head('POST /v1/events', { ...json, ...close, expect: 'x', 'content-length': '2' })}[]`,
    ],
    ['a path above the root', 404, head('GET /v1/../../etc/passwd', close)],
    ['a path of two slashes', 404, head('GET //evil.example/v1/locations', close)],
  ])('is answered with a problem: %s', async (_name, status, bytes) => {
    const answer = await sendRaw(service.url, bytes);
    expect(answer.status).toBe(status);
    expect(answer.head.toLowerCase()).toContain('content-type: application/problem+json');
    expect(JSON.parse(answer.body)).toMatchObject({
      status,
      title: expect.any(String),
      requestId: expect.any(String),
    });
    expect((await service.api.get('/readyz')).status).toBe(200);
    expect((await service.api.get(`/v1/locations/${location}`)).body.lastSequence).toBe(0);
  });

  it('may be a request that is hidden in another: both are seen for what they are', async () => {
    const inner = head('GET /v1/keys', close);
    const outer = head('POST /v1/nothing', { 'content-length': `${inner.length}` });
    const { body } = await sendRaw(service.url, outer + inner + head('GET /healthz', close));
    expect(body).toContain('"status":"ok"');
    expect(body).not.toContain('nextCursor');
  });

  it.each([
    ['a web socket', { connection: 'upgrade, close', upgrade: 'websocket', 'sec-websocket-version': '13' }],
    [
      'HTTP/2',
      { connection: 'upgrade, http2-settings, close', upgrade: 'h2c', 'http2-settings': 'AAMAAABk' },
    ],
    ['TLS', { connection: 'upgrade, close', upgrade: 'TLS/1.3' }],
  ])('may ask for %s, and gets HTTP/1.1', async (_protocol, headers) => {
    expect(await sendRaw(service.url, head('GET /healthz', headers))).toMatchObject({
      status: 200,
      body: '{"status":"ok"}',
    });
  });

  it('may be HTTP/1.0, and is closed after the answer', async () => {
    const bytes = 'GET /healthz HTTP/1.0\r\nhost: x\r\n\r\n';
    expect(await sendRaw(service.url, bytes)).toMatchObject({ status: 200, body: '{"status":"ok"}' });
  });

  it('may be sent in one go: each request gets its own answer, in their order', async () => {
    const paths = ['/healthz', '/nothing', '/readyz', '/v1/locations?limit=1'];
    const bytes = paths.map((path) => head(`GET ${path}`)).join('') + head('GET /healthz', close);
    const { body, head: first } = await sendRaw(service.url, bytes);
    const statuses = `${first}\r\n\r\n${body}`.match(/HTTP\/1\.1 \d+/g);
    expect(statuses).toEqual([200, 404, 200, 200, 200].map((status) => `HTTP/1.1 ${status}`));
  });

  it('may be a body in an encoding, however it is named: it is not undone', async () => {
    for (const encoding of ['gzip', 'br', 'GZIP', 'identity, gzip', 'deflate, identity', 'x']) {
      const headers = { ...json, ...close, 'content-encoding': encoding, 'content-length': '2' };
      expect((await sendRaw(service.url, `${head('POST /v1/events', headers)}[]`)).status).toBe(415);
    }
    for (const encoding of ['identity', 'Identity', '']) {
      const headers = { ...json, ...close, 'content-encoding': encoding, 'content-length': '2' };
      expect((await sendRaw(service.url, `${head('POST /v1/events', headers)}[]`)).status).toBe(422);
    }
  });

  it('may be a proxy request for another host, and is answered by us', async () => {
    const { status, body } = await sendRaw(service.url, head('GET http://example.com/healthz', close));
    expect([status, body]).toEqual([200, '{"status":"ok"}']);
  });

  it('may be a thousand connections that say nothing or break off', async () => {
    const sockets = Array.from({ length: 1000 }, () => openSocket(service.url));
    await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.once('connect', resolve))));
    const answers = sockets.map((socket, n) => {
      if (n % 2) socket.write(head('POST /v1/events', { ...chunked }).slice(0, n));
      const answer = readAnswer(socket);
      if (n % 3) socket.resetAndDestroy();
      else socket.end();
      return answer;
    });
    await Promise.all(answers);
    expect((await service.api.get('/readyz')).status).toBe(200);
  });

  it('may send a body where none is read', async () => {
    const text = JSON.stringify(newEvent(location));
    const answer = await sendRaw(
      service.url,
      head('GET /v1/locations?limit=1', { ...json, ...close, 'content-length': `${text.length}` }) + text,
    );
    expect(answer.status).toBe(200);
  });
});

describe('odd ids in a path', () => {
  const odd = [
    '%00',
    'a%00b',
    '%ff',
    '%c0%af',
    '%',
    '%zz',
    '%2e%2e%2fkeys',
    '..%2f..%2fkeys',
    '%F0%9F%98%80',
    "a'--",
    '%0d%0a',
    '*',
    '{id}',
    ':id',
    '%5c',
    ';',
    '%25 00',
    'a'.repeat(8000),
  ];
  const paths = [
    '',
    '/events',
    '/endpoints',
    '/endpoints/ODD',
    '/endpoints/ODD/test',
    '/deliveries/ODD',
    '/deliveries/ODD/resend',
    '/stats',
  ];
  it.each(odd)('find nothing: %.20s', async (id) => {
    for (const path of [
      ...paths.map((rest) => `/v1/locations/${id}${rest}`),
      ...paths.map((rest) => `/v1/locations/${location}${rest}`),
    ]) {
      if (!path.includes(id) && !path.includes('ODD')) continue;
      for (const method of ['GET', 'PUT', 'POST', 'PATCH', 'DELETE']) {
        const target = path.replace('ODD', id).replaceAll(' ', '');
        const lines = { 'content-type': 'application/json', 'content-length': '2', connection: 'close' };
        const answer = await sendRaw(service.url, `${head(`${method} ${target}`, lines)}{}`);
        expect([404, 405, 422]).toContain(answer.status);
        expect(JSON.parse(answer.body).status).toBe(answer.status);
      }
    }
    expect((await service.api.get('/v1/locations?limit=1000')).body.items).toHaveLength(1);
  });
});

describe('a service that stops', () => {
  it('answers the requests that are under way, and takes no more', async () => {
    const stopping = await startTestService();
    const id = await addLocation(stopping.api);
    const text = JSON.stringify(newEvent(id));
    const lines = { 'content-type': 'application/json', 'content-length': `${text.length}` };
    const socket = openSocket(stopping.url);
    const answer = readAnswer(socket);
    await new Promise((resolve) =>
      socket.write(head('POST /v1/events', { ...lines, expect: '100-continue' }), resolve),
    );
    // The service has seen the head when it says that it waits for the body.
    await new Promise((resolve) => socket.once('data', resolve));
    const stopped = stopping.stop();
    await expect(fetch(`${stopping.url}/healthz`)).rejects.toThrow('fetch failed');
    socket.write(text);
    // Its connection is not left to wait for another request.
    expect((await answer).body).toMatch(/^HTTP\/1\.1 202 [^]*\r\nconnection: close\r\n[^]*"accepted":1/i);
    await stopped;
  });
});

it('the description of the API, which anybody may ask for, is made once', async () => {
  const made = vi.spyOn(JSON, 'stringify');
  for (let n = 0; n < 3; n += 1) {
    const { status, headers, body } = await service.api.as(undefined).get('/openapi.json');
    expect([status, headers.get('content-type')]).toEqual([200, 'application/json']);
    expect(body).toMatchObject({ openapi: '3.1.0', security: [{ apiKey: [] }] });
  }
  const descriptions = made.mock.calls.filter(([value]) => value?.openapi !== undefined);
  made.mockRestore();
  expect(descriptions).toHaveLength(1);
});

describe('health', () => {
  it('needs no key', async () => {
    const api = service.api.as(undefined);
    expect(await api.get('/healthz')).toMatchObject({ status: 200, body: { status: 'ok' } });
    expect(await api.get('/readyz')).toMatchObject({ status: 200, body: { status: 'ready' } });
  });

  it('is all that a dispatcher answers, in the same form', async () => {
    const dispatcher = await startTestService({ ROLE: 'dispatcher' });
    expect((await dispatcher.api.get('/readyz')).status).toBe(200);
    for (const path of ['/v1/locations', '/nothing', '/openapi.json']) {
      const { status, headers, body } = await dispatcher.api.get(path);
      expect([status, headers.get('content-type')]).toEqual([404, 'application/problem+json']);
      expect(body).toMatchObject({ status: 404, requestId: headers.get('x-request-id') });
    }
    await dispatcher.stop();
  });
});

/** @returns the id that an error answer carries, in its head as in its body, when the caller sends this one. */
async function ask(id: string): Promise<string | null> {
  const headers = { authorization: `Bearer ${adminKey}`, 'x-request-id': id };
  const answer = await fetch(`${service.url}/v1/nothing`, { headers });
  const body: unknown = await answer.json();
  expect(body).toHaveProperty('requestId', answer.headers.get('x-request-id'));
  return answer.headers.get('x-request-id');
}

describe('a body that is empty, of the type of JSON', () => {
  it('is none, where none is needed', async () => {
    expect((await sendNothing(`/v1/locations/${location}/portal-links`)).status).toBe(201);
  });

  it('is refused where one is needed, and the answer says what is missing', async () => {
    const events = await sendNothing('/v1/events');
    expect([events.status, await events.json()]).toMatchObject([
      400,
      { detail: 'The body is empty, and so not valid JSON.' },
    ]);
    const endpoint = await sendNothing(`/v1/locations/${location}/endpoints`);
    expect([endpoint.status, await endpoint.json()]).toMatchObject([422, { errors: [{ path: 'url' }] }]);
  });
});

async function sendNothing(path: string): Promise<Response> {
  const headers = { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json' };
  return fetch(service.url + path, { method: 'POST', headers, body: '' });
}
