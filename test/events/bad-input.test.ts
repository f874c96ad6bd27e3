import { once } from 'node:events';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { dumpDatabase } from '../db/dump.ts';
import { head, openSocket, readAnswer, sendRaw } from '../http/raw.ts';
import { adminKey, startTestService, type TestService } from '../support/service.ts';
import { newEvent } from '../support/venue.ts';

let service: TestService;
/** All that the database holds before any bad input comes. */
let untouched: string;
beforeAll(async () => {
  service = await startTestService();
  await service.api.put('/v1/locations/kamen-test', { title: 'Kamen Test' });
  untouched = await dumpDatabase(service.databaseUrl);
});
afterAll(() => service.stop());

afterEach(expectUntouched);

const uuidMessage = 'must be a UUID like 41509791-3de8-5bb9-b4fc-a9753da95aad';
const locationIdMessage = 'must be 1 to 64 of the characters A-Z a-z 0-9 _ -';

describe('an event with a member that does not fit', () => {
  const notUuids = [
    null,
    5,
    true,
    {},
    [],
    '',
    'x',
    '41509791-3de8-5bb9-b4fc',
    '41509791-3de8-5bb9-b4fc-a9753da95aag',
    '{41509791-3de8-5bb9-b4fc-a9753da95aad}',
    'urn:uuid:41509791-3de8-5bb9-b4fc-a9753da95aad',
    '41509791-3de8-5bb9-b4fc-a9753da95aad\0',
    '41509791-3de8-5bb9-b4fc-a9753da95aa\ud800',
    ' 41509791-3de8-5bb9-b4fc-a9753da95aad',
    '41509791-3de8-5bb9-b4fc-a9753da95aad\n',
    'a'.repeat(100_000),
  ];
  it.each([
    ...notUuids.map((value) => ['id', value, uuidMessage] as const),
    ...[undefined, ...notUuids].map((value) => ['uuid', value, uuidMessage] as const),
    ...[undefined, null, 5, '', 'CREATE', 'update', 'create\0', ['create'], '__proto__'].map(
      (value) => ['action', value, 'must be "create" or "delete"'] as const,
    ),
    ...[0, -1, -2_147_483_648].map((value) => ['stations', value, 'must be at least 1'] as const),
    ...[2_147_483_648, 2 ** 53 - 1].map(
      (value) => ['stations', value, 'must be at most 2147483647'] as const,
    ),
    ...[undefined, null, 1.5, '1', true, [1], {}].map(
      (value) => ['stations', value, 'must be a whole number from 1 to 2147483647'] as const,
    ),
    ...[-1, -9_007_199_254_740_991].map((value) => ['customerid', value, 'must be at least 0'] as const),
    ...[undefined, null, 0.5, '7685', false, [], 1e300].map(
      (value) => ['customerid', value, 'must be a whole number from 0 to 9007199254740991'] as const,
    ),
    ...[undefined, null, 5, {}].map((value) => ['locationId', value, ''] as const),
    ...['', 'a b', 'a'.repeat(65), '../x', 'kamen-test\0', '\ud800', "a'--", 'Ä', 'a\n'].map(
      (value) => ['locationId', value, locationIdMessage] as const,
    ),
  ])('is refused alone and among others: %s = %j', async (member, value, message) => {
    const bad = { ...newEvent('kamen-test'), [member]: value };
    const expected = expect.stringContaining(message);

    const alone = await service.api.post('/v1/events', bad);
    expectProblem(alone, 422);
    expect(alone.body.errors).toContainEqual({ path: member, message: expected });
    expect(alone.body.detail).toContain(`${member}: `);

    const among = await service.api.post('/v1/events', [newEvent('kamen-test'), bad, newEvent('kamen-test')]);
    expectProblem(among, 422);
    expect(among.body.errors).toContainEqual({ path: `1.${member}`, message: expected });
  });

  it('is told every mistake at once, but no more than 20', async () => {
    const { body } = await service.api.post('/v1/events', {});
    expect(body.detail).toContain('5 mistakes');
    expect(body.errors.map(({ path }: { path: string }) => path)).toEqual([
      'uuid',
      'action',
      'stations',
      'customerid',
      'locationId',
    ]);
    const many = await service.api.post(
      '/v1/events',
      Array.from({ length: 50 }, () => ({})),
    );
    expect(many.body.detail).toContain('250 mistakes');
    expect(many.body.errors).toHaveLength(20);
  });
});

describe('text that only JSON can spell', () => {
  const valid = JSON.stringify({ ...newEvent('kamen-test'), id: undefined });
  it.each([
    ['a NUL in an id', valid.replace('{', '{"id":"41509791-3de8-5bb9-b4fc-a9753da95a\\u0000",'), 'id'],
    ['half a surrogate pair', valid.replace('"kamen-test"', '"kamen\\ud800test"'), 'locationId'],
    ['a member twice, at last wrong', valid.replace('}', ',"stations":0}'), 'stations'],
    ['a number beyond all bounds', valid.replace('7685', '9007199254740992'), 'customerid'],
    ['a number with 400 digits', valid.replace('7685', '9'.repeat(400)), 'customerid'],
    ['members by inheritance', `{"__proto__":${valid}}`, 'uuid'],
    ['a constructor', '{"constructor":{"prototype":{}}}', 'uuid'],
  ])('is refused: %s', async (_name, text, path) => {
    const answer = await postText(text);
    expectProblem(answer, 422);
    expect(answer.body.errors).toContainEqual({ path, message: expect.any(String) });
  });
});

describe('a body that is no event', () => {
  it.each<[text: string, path: string, message: string]>([
    ...['null', 'true', '5', '-0', '1e999', '"text"'].map((text): [string, string, string] => [
      text,
      '',
      'must be an object: one event',
    ]),
    ['[]', '', 'must hold at least one event'],
    ['[null]', '0', 'must be an object: one event'],
    ['[[]]', '0', 'must be an object: one event'],
    [`[${'{},'.repeat(200_000)}{}]`, '', 'must hold at most 1000 events'],
    ['['.repeat(100_000) + ']'.repeat(100_000), '0', 'must be an object: one event'],
    ['{"a":'.repeat(100_000) + '1' + '}'.repeat(100_000), 'uuid', uuidMessage],
    [`{"uuid":${'['.repeat(100_000)}${']'.repeat(100_000)}}`, 'uuid', uuidMessage],
  ])('is refused: %.40s', async (text, path, message) => {
    const answer = await postText(text);
    expectProblem(answer, 422);
    expect(answer.body.errors).toContainEqual({ path, message });
  });

  const valid = JSON.stringify(newEvent('kamen-test'));
  it.each([
    ['nothing', ''],
    ['blanks', ' \n'],
    ['half of it', valid.slice(0, 40)],
    ['more than one', `${valid}${valid}`],
    ['a comma too many', valid.replace('}', ',}')],
    ['single quotes', valid.replaceAll('"', "'")],
    ['NaN', valid.replace('7685', 'NaN')],
    ['a raw control character', valid.replace('kamen', 'ka\nmen')],
    ['a NUL byte', `${valid}\0`],
    ['a form', 'uuid=1&action=create'],
    ['100,000 open brackets', '['.repeat(100_000)],
  ])('is not JSON: %s', async (_name, text) => {
    const answer = await postText(text);
    expectProblem(answer, 400);
    expect(answer.body.detail).toContain('not valid JSON');
  });

  it.each([
    ['a lone byte', Buffer.from([0x80])],
    ['a cut sequence', Buffer.from([0xe2, 0x82])],
    ['an overlong sequence', Buffer.from([0xc0, 0xaf])],
    ['an encoded surrogate', Buffer.from([0xed, 0xa0, 0x80])],
    ['UTF-16', Buffer.from(`\ufeff${valid}`, 'utf16le')],
  ])('is not UTF-8: %s', async (_name, bytes) => {
    const body = Buffer.concat([
      Buffer.from(valid.slice(0, -1)),
      Buffer.from(',"x":"'),
      bytes,
      Buffer.from('"}'),
    ]);
    const answer = await postText(body);
    expectProblem(answer, 400);
    expect(answer.body.detail).toBe('The body is not valid UTF-8.');
  });
});

describe('a body that is declared wrong', () => {
  const valid = JSON.stringify(newEvent('kamen-test'));

  it.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data',
    'application/jsonp',
    'x',
    '',
  ])('is refused with the content-type "%s"', async (type) => {
    const answer = await postText(valid, { 'content-type': type });
    expectProblem(answer, 415);
    expect(answer.body.detail).toContain('content-type: application/json');
  });

  it('is refused without a content-type', async () => {
    const answer = await sendRaw(
      service.url,
      head('POST /v1/events', { connection: 'close', 'content-length': `${valid.length}` }) + valid,
    );
    expect(answer.status).toBe(415);
    expect(JSON.parse(answer.body).detail).toContain('content-type: application/json');
  });

  it.each(['gzip', 'br', 'gzip, identity', 'x'])(
    'is refused with the content-encoding %s',
    async (encoding) => {
      const answer = await postText(gzipSync(valid), { 'content-encoding': encoding });
      expectProblem(answer, 415);
      expect(answer.body.detail).toContain(`content-encoding ${encoding}: send it without one`);
    },
  );
});

describe('a body over 1 MiB', () => {
  const mebibyte = 1024 * 1024;

  it('is refused by its content-length, before it comes', async () => {
    const answer = await sendRaw(
      service.url,
      head('POST /v1/events', {
        'content-type': 'application/json',
        'content-length': '99999999999',
        connection: 'close',
      }) + '[',
    );
    expect(answer.status).toBe(413);
    expect(JSON.parse(answer.body).detail).toContain('larger than 1 MiB');
  });

  it('is refused one byte above, and read at exactly 1 MiB', async () => {
    expect((await postText(blankArray(mebibyte + 1))).status).toBe(413);
    expect((await postText(blankArray(mebibyte))).status).toBe(422);
  });

  it.each([
    ['with a content-length', { 'content-length': `${mebibyte + 5}` }, ' '.repeat(mebibyte + 5)],
    [
      'in chunks',
      { 'transfer-encoding': 'chunked' },
      `${(mebibyte + 5).toString(16)}\r\n${' '.repeat(mebibyte + 5)}\r\n0\r\n\r\n`,
    ],
  ])(
    'leaves the connection to the next request: %s',
    async (_name, framing: Record<string, string>, body) => {
      const socket = openSocket(service.url);
      const answered = readAnswer(socket);
      socket.write(head('POST /v1/events', { 'content-type': 'application/json', ...framing }) + body);
      const [first] = await once(socket, 'data');
      expect(String(first)).toMatch(/^HTTP\/1\.1 413 /);
      socket.write(head('GET /v1/locations/kamen-test', { connection: 'close' }));
      expect((await answered).body).toMatch(/HTTP\/1\.1 200 OK[^]*"kamen-test"/);
    },
  );

  it('is refused in chunks that never end', async () => {
    const socket = openSocket(service.url);
    const answered = readAnswer(socket);
    socket.write(
      head('POST /v1/events', { 'content-type': 'application/json', 'transfer-encoding': 'chunked' }),
    );
    const chunk = `10000\r\n${' '.repeat(0x10000)}\r\n`;
    const send = () => {
      while (socket.writable && socket.write(chunk));
    };
    socket.on('drain', send);
    send();
    // Whoever still writes when the connection ends may never read the answer.
    expect([413, 0]).toContain((await answered).status);
  });
});

describe('a request that breaks off', () => {
  const json = { 'content-type': 'application/json' };
  const valid = JSON.stringify(newEvent('kamen-test'));

  it.each([
    [
      'with a content-length',
      head('POST /v1/events', { ...json, 'content-length': `${valid.length + 1}` }) + valid,
    ],
    [
      'between chunks',
      `${head('POST /v1/events', { ...json, 'transfer-encoding': 'chunked' })}${valid.length.toString(16)}\r\n${valid}\r\n`,
    ],
    ['in its head', 'POST /v1/events HTTP/1.1\r\nhost: x\r\ncontent-'],
  ])('stores nothing: %s', async (_name, bytes) => {
    const answer = await sendRaw(service.url, bytes, { end: true });
    expect(answer.status).toBe(400);
    expect(JSON.parse(answer.body)).toMatchObject({ title: 'Bad Request', status: 400 });
  });

  it('stores nothing when the connection is reset', async () => {
    const socket = openSocket(service.url);
    const part = head('POST /v1/events', { ...json, 'content-length': `${valid.length + 1}` }) + valid;
    await new Promise((resolve) => socket.write(part, resolve));
    const closed = readAnswer(socket);
    socket.resetAndDestroy();
    expect((await closed).status).toBe(0);
  });
});

const blankArray = (bytes: number) => `[${' '.repeat(bytes - 2)}]`;

/** Nothing was stored, and the service is well. */
async function expectUntouched(): Promise<void> {
  expect((await service.api.get('/readyz')).status).toBe(200);
  expect(await dumpDatabase(service.databaseUrl)).toBe(untouched);
}

async function postText(body: string | Buffer, headers: Record<string, string> = {}) {
  const answer = await fetch(`${service.url}/v1/events`, {
    method: 'POST',
    headers: { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : new Uint8Array(body),
  });
  return { status: answer.status, headers: answer.headers, body: JSON.parse(await answer.text()) };
}

function expectProblem(answer: { status: number; headers: Headers; body: unknown }, status: number): void {
  expect(answer.body).toMatchObject({
    title: expect.stringMatching(/./),
    status,
    detail: expect.stringMatching(/^[A-Z].*[^ ]$/s),
    requestId: expect.stringMatching(/^[\w-]{36}$/),
  });
  expect(answer.status).toBe(status);
  expect(answer.headers.get('content-type')).toBe('application/problem+json');
}
