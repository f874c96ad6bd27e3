import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { adminKey, startTestService, type TestService } from '../support/service.ts';
import { addLocation } from '../support/venue.ts';
import { register } from './register.ts';

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

async function check(dataSchema: unknown, data: unknown) {
  const webhook = await register(service.api, { url: receiver.url, dataSchema });
  const { status, body } = await webhook.trigger({ data });
  return { status, errors: body.errors, ...webhook };
}

const draft7 = 'http://json-schema.org/draft-07/schema#';
const draft2020 = 'https://json-schema.org/draft/2020-12/schema';

describe('data', () => {
  it.each<[schema: unknown, data: unknown]>([
    [true, 'x'],
    [{}, ['x']],
    [{ type: 'object', required: ['a'], properties: { a: { type: 'integer' } } }, { a: 1 }],
    [{ type: 'array', prefixItems: [{ const: 1 }, { const: 2 }], items: false }, [1, 2]],
    [{ $schema: draft2020, unevaluatedProperties: false, properties: { a: true } }, { a: 1 }],
    [{ $schema: draft7, items: [{ const: 1 }], additionalItems: false }, [1]],
    [{ $schema: draft7, $ref: '#/definitions/a', definitions: { a: { type: 'string' } } }, 'x'],
    [{ $defs: { list: { items: { $ref: '#/$defs/list' } } }, $ref: '#/$defs/list' }, [[[]]]],
    [{ properties: { child: { $ref: '#' }, a: { type: 'string' } } }, { child: { child: { a: 'x' } } }],
    [{ format: 'email', 'x-unknown': 1 }, 'not an address'],
    [{ $id: 'https://example.com/a', $defs: { b: { $id: 'b', type: 'string' } }, $ref: 'b' }, 'x'],
  ])('that fits %j is sent', async (schema, data) => {
    expect(await check(schema, data)).toMatchObject({ status: 200 });
  });

  it.each<[schema: unknown, data: unknown, path: string, message: string]>([
    [false, 'x', 'data', 'boolean schema is false'],
    [{ type: 'object', required: ['a'] }, {}, 'data', "must have required property 'a'"],
    [{ properties: { a: { items: { type: 'integer' } } } }, { a: [1, 'x'] }, 'data.a.1', 'must be integer'],
    [
      { type: 'array', prefixItems: [{ const: 1 }], items: false },
      [1, 2],
      'data',
      'must NOT have more than 1 items',
    ],
    [
      { $schema: draft2020, unevaluatedProperties: false },
      { a: 1 },
      'data',
      'must NOT have unevaluated properties',
    ],
    [
      { $schema: draft7, items: [{ const: 1 }], additionalItems: false },
      [1, 2],
      'data',
      'must NOT have more than 1 items',
    ],
    [{ pattern: '^a$' }, 'b', 'data', 'must match pattern'],
    [
      { properties: { child: { $ref: '#' } }, required: ['a'] },
      { a: 1, child: {} },
      'data.child',
      'must have',
    ],
    [{ type: 'string' }, undefined, 'data', 'is missing'],
    [
      { $id: 'https://example.com/a', $defs: { b: { $id: 'b', type: 'array' } }, $ref: 'b' },
      'x',
      'data',
      'must be array',
    ],
  ])('that does not fit %j is refused, nothing sent, and on record', async (schema, data, path, message) => {
    const seen = receiver.requests.length;
    const { status, errors, lastInvocation } = await check(schema, data);
    expect(status).toBe(422);
    expect(errors).toEqual([{ path, message: expect.stringContaining(message) }]);
    expect(receiver.requests).toHaveLength(seen);
    expect(await lastInvocation()).toMatchObject({ outcome: 'refused', reason: 'does_not_fit' });
  });

  it('in base64 is checked as the text that it is', async () => {
    const registration = { url: receiver.url, payload_encoding: 'base64', dataSchema: { maxLength: 4 } };
    const { trigger } = await register(service.api, registration);
    expect((await trigger({ data: 'YWFh' })).status).toBe(200);
    expect((await trigger({ data: 'YWFhYQ==' })).status).toBe(422);
  });
});

describe('a schema', () => {
  it.each<[what: string, schema: unknown, message: string]>([
    ['is wrong', { type: 'strng' }, 'is not a JSON Schema that can be used'],
    ['has a wrong pattern', { pattern: '(' }, 'Invalid regular expression'],
    ['is of another draft', { $schema: 'http://json-schema.org/draft-04/schema#' }, '2020-12 or draft-07'],
    ['is of a draft that is no text', { $schema: 5 }, '2020-12 or draft-07'],
    ['refers to another server', { $ref: 'https://example.com/schema.json' }, "can't resolve reference"],
    ['refers to nothing', { $ref: '#/$defs/none' }, "can't resolve reference"],
    ['checks later', { $async: true, type: 'object' }, '$async'],
    ['is too long', { description: 'a'.repeat(32 * 1024) }, 'at most 32768 characters'],
    ['is null within', { properties: { a: null } }, 'is not a JSON Schema that can be used'],
  ])('that %s is refused when it is registered', async (_what, dataSchema, message) => {
    const path = `/v1/locations/${await addLocation(service.api)}/webhooks/hook`;
    const { status, body } = await service.api.put(path, { url: receiver.url, dataSchema });
    expect(status).toBe(422);
    expect(body.errors).toEqual([{ path: 'dataSchema', message: expect.stringContaining(message) }]);
    expect((await service.api.get(path)).status).toBe(404);
  });

  it.each([3000, 100_000])('that is nested %i deep is refused when it is registered', async (depth) => {
    const path = `/v1/locations/${await addLocation(service.api)}/webhooks/hook`;
    // Written by hand, for JSON.stringify cannot.
    const dataSchema = `${'{"not":'.repeat(depth)}{}${'}'.repeat(depth)}`;
    const answer = await fetch(service.url + path, {
      method: 'PUT',
      headers: { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json' },
      body: `{"url":"https://example.com/","dataSchema":${dataSchema}}`,
    });
    expect(await answer.json()).toMatchObject({ status: 422, errors: [{ path: 'dataSchema' }] });
  });

  it('never makes anybody fetch anything', async () => {
    const seen = receiver.openedCount();
    const path = `/v1/locations/${await addLocation(service.api)}/webhooks/hook`;
    for (const schema of [
      { $ref: `${receiver.url}/schema.json` },
      { $schema: `${receiver.url}/schema.json` },
      { $id: `${receiver.url}/a`, $ref: 'b' },
      { $dynamicRef: `${receiver.url}/schema.json#a` },
    ])
      expect((await service.api.put(path, { url: receiver.url, dataSchema: schema })).status).toBe(422);
    expect(receiver.openedCount()).toBe(seen);
  });

  it('of one location knows nothing of those of another', async () => {
    const definition = {
      $id: 'https://example.com/shared',
      $defs: { a: { $id: 'part', type: 'string' } },
      $ref: 'part',
    };
    await check(definition, 'x');
    const path = `/v1/locations/${await addLocation(service.api)}/webhooks/hook`;
    for (const $ref of ['https://example.com/shared', 'https://example.com/part'])
      expect((await service.api.put(path, { url: receiver.url, dataSchema: { $ref } })).status).toBe(422);
    expect((await check({ ...definition, $defs: { a: { $id: 'part', type: 'array' } } }, 'x')).status).toBe(
      422,
    );
  });

  it('of considerable size compiles in time', async () => {
    const properties = Object.fromEntries(
      Array.from({ length: 250 }, (_, n) => [
        `property${n}`,
        { type: 'string', minLength: n, pattern: `^a${n}` },
      ]),
    );
    expect((await check({ properties }, { property7: 'x' })).errors).toMatchObject([
      { path: 'data.property7' },
    ]);
  });

  it('that takes forever is cut off, while others are answered', async () => {
    const slow = await register(service.api, { url: receiver.url, dataSchema: { pattern: '^(a+)+$' } });
    const data = `${'a'.repeat(60)}!`;
    const seen = receiver.requests.length;
    const evil = Array.from({ length: 32 }, () => slow.trigger({ data }));
    const others = await Promise.all(Array.from({ length: 5 }, () => fetch(`${service.url}/healthz`)));
    expect(others.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    const answers = await Promise.all(evil);
    for (const { status, body } of answers) {
      expect(status).toBe(422);
      expect(body.errors).toEqual([{ path: 'data', message: expect.stringContaining('it takes too long') }]);
    }
    // Each of them for itself would hold up everybody.
    expect(answers.filter(({ body }) => body.detail.includes('rests for 10 s'))).toHaveLength(31);
    expect(receiver.requests).toHaveLength(seen);
    expect(await slow.lastInvocation()).toMatchObject({ outcome: 'refused', reason: 'does_not_fit' });
  });

  it('that refers to itself without end is cut off', async () => {
    const { status, errors } = await check({ $ref: '#' }, 'x');
    expect(status).toBe(422);
    expect(errors).toEqual([{ path: 'data', message: expect.stringContaining('cannot be checked') }]);
  });

  it('that compares everything with everything is cut off', async () => {
    const data = Array.from({ length: 100_000 }, (_, n) => ({ n }));
    const { errors } = await check({ uniqueItems: true }, data);
    expect(errors).toEqual([{ path: 'data', message: expect.stringContaining('takes too long') }]);
  });
});
