import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { Agent, type IncomingMessage, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { withSql } from '../db/dump.ts';
import { adminKey, startTestService, type TestService } from '../support/service.ts';
import { addLocation } from '../support/venue.ts';

let service: TestService;
beforeAll(async () => {
  service = await startTestService({ TRUST_PROXY: '127.0.0.1' });
});
afterAll(() => service.stop());

describe('on a connection that is kept', () => {
  it.each<[string, number, (key: { id: string; location: string }) => Promise<unknown>]>([
    ['is revoked', 401, ({ id }) => service.api.delete(`/v1/keys/${id}`)],
    [
      'expires',
      401,
      ({ id }) =>
        withSql(service.databaseUrl, (sql) => sql`update api_keys set expires_at = now() where id = ${id}`),
    ],
    [
      'may no longer be used from its address',
      403,
      ({ id }) =>
        withSql(
          service.databaseUrl,
          (sql) => sql`update api_keys set allowed_ips = '{198.51.100.8}' where id = ${id}`,
        ),
    ],
    ['loses its location', 401, ({ location }) => service.api.delete(`/v1/locations/${location}`)],
  ])('a key that %s stops at once', async (_what, status, end) => {
    const location = await addLocation(service.api);
    const settings = { name: 'x', scopes: ['admin'], locationId: location, allowedIps: ['198.51.100.0/24'] };
    const { body: key } = await service.api.post('/v1/keys', settings);
    const ask = keepAsking(key.key);
    const before = await ask('198.51.100.7');
    expect(before.status).toBe(200);
    await end({ id: key.id, location });
    const after = await ask('198.51.100.7');
    expect(after).toEqual({ status, port: before.port });
  });

  it('a key stops for an address that it does not allow, and goes on for one that it does', async () => {
    const settings = { name: 'x', scopes: ['settings:read'], allowedIps: ['198.51.100.7', '2001:db8::/32'] };
    const { body: key } = await service.api.post('/v1/keys', settings);
    const ask = keepAsking(key.key);
    const { port } = await ask('198.51.100.7');
    expect(await ask('198.51.100.8')).toEqual({ status: 403, port });
    expect(await ask('::ffff:198.51.100.7')).toEqual({ status: 200, port });
    expect(await ask('2001:db8::1')).toEqual({ status: 200, port });
    expect(await ask('2001:db9::1')).toEqual({ status: 403, port });
    expect(await ask('198.51.100.7, 203.0.113.1')).toEqual({ status: 403, port });
  });
});

describe('of keys that do not work', () => {
  it('one is answered as the other: unknown, revoked, expired, almost right', async () => {
    const make = async () => (await service.api.post('/v1/keys', { name: 'x', scopes: ['admin'] })).body;
    const [revoked, expired, valid] = [await make(), await make(), await make()];
    await service.api.delete(`/v1/keys/${revoked.id}`);
    await withSql(
      service.databaseUrl,
      (sql) => sql`update api_keys set expires_at = now() where id = ${expired.id}`,
    );
    const unknown = await answerTo('/v1/locations', `bellhop_${randomBytes(32).toString('base64url')}`);
    expect(unknown.status).toBe(401);
    for (const key of [
      revoked.key,
      expired.key,
      changed(valid.key),
      valid.key.slice(0, -1),
      `${valid.key}A`,
      valid.key.toLowerCase(),
      changed(adminKey),
      adminKey.slice(0, -1),
      `${adminKey}A`,
      'x',
      'x'.repeat(512),
      // The hash that the database holds opens nothing.
      await hashOf(valid.id),
    ])
      for (const path of ['/v1/locations', `/v1/locations/${randomUUID()}`, '/v1/nothing', '/app/webhooks'])
        expect(await answerTo(path, key)).toEqual(unknown);
    expect((await answerTo('/v1/locations', valid.key)).status).toBe(200);
  });

  it('the same of tokens of flows: unknown, of another flow, rotated away, and for flows that are not there', async () => {
    const path = `/v1/locations/${await addLocation(service.api)}`;
    const { body: flow } = await service.api.put(`${path}/flows/flow`, {});
    const { body: other } = await service.api.put(`${path}/flows/other`, {});
    await service.api.post(`${path}/flows/flow/rotate-token`, { overlapHours: 0 });
    const unknown = await answerTo(flow.url, `flow_${randomBytes(41).toString('base64url')}`, 'POST');
    expect(unknown.status).toBe(401);
    for (const [url, token] of [
      [flow.url, flow.token],
      [flow.url, other.token],
      [flow.url, adminKey],
      [flow.url, 'x'],
      [`/v1/flow-webhook/${randomUUID()}`, other.token],
      ['/v1/flow-webhook/x', other.token],
    ])
      expect(await answerTo(url, token, 'POST')).toEqual(unknown);
    expect((await answerTo(other.url, other.token, 'POST')).status).toBe(200);
  });
});

/** The same key but for its last character. */
const changed = (key: string) => `${key.slice(0, -1)}${key.endsWith('A') ? 'B' : 'A'}`;

/** Requests on one connection. `port` is that of our end of it. */
function keepAsking(key: string) {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  onTestFinished(() => agent.destroy());
  return async (from: string) => {
    const headers = { authorization: `Bearer ${key}`, 'x-forwarded-for': from };
    const asked = request(`${service.url}/v1/locations`, { agent, headers }).end();
    const [answer]: IncomingMessage[] = await once(asked, 'response');
    if (!answer) throw new Error('There is no answer.');
    const port = answer.socket.localPort;
    await text(answer);
    return { status: answer.statusCode, port };
  };
}

/** All of an answer, without what differs between any two. Each is asked from another address, as far as limits go. */
async function answerTo(path: string, key: string, method = 'GET') {
  const from = [10, ...randomBytes(3)].join('.');
  const response = await fetch(service.url + path, {
    method,
    headers: { authorization: `Bearer ${key}`, 'x-forwarded-for': from },
  });
  const headers = [...response.headers].filter(([name]) => !/^(date|x-request-id|ratelimit.*)$/.test(name));
  const body = (await response.text()).replace(/"requestId":"[^"]*"/, '');
  return { status: response.status, headers, body };
}

async function hashOf(id: string): Promise<string> {
  const [row] = await withSql(
    service.databaseUrl,
    (sql) => sql<{ hash: string }[]>`select hash from api_keys where id = ${id}`,
  );
  return row?.hash ?? '';
}
