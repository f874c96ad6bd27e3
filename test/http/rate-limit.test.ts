import { randomUUID } from 'node:crypto';
import { Hono } from 'hono';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { AppEnv, Caller } from '../../src/http/authorize.ts';
import { answerError } from '../../src/http/problem.ts';
import { limitByKey } from '../../src/http/rate-limit.ts';
import { Windows } from '../../src/http/windows.ts';
import type { Api } from '../support/api.ts';
import { startReceiver } from '../support/receiver.ts';
import { adminKey, startTestService, type TestService } from '../support/service.ts';
import { running } from '../support/stage.ts';
import { addEndpoint, addLocation, handOver, newEvent } from '../support/venue.ts';
import { register, withKey } from '../webhooks/register.ts';

const alwaysValid = async () => true;

const limit = 20;

/** A service with a low limit, behind a proxy on this machine, and a key beside that of the test itself. */
async function startLimited(requestsPerMinute = limit): Promise<{ service: TestService; api: Api }> {
  const service = await running(
    startTestService({ RATE_LIMIT_PER_MINUTE: String(requestsPerMinute), TRUST_PROXY: '127.0.0.0/8' }),
  );
  return { service, api: await withKey(service.api, ['admin']) };
}

/** Uses up what a key may ask for. */
async function exhaust(api: Api): Promise<void> {
  for (let n = 0; n < limit; n += 1) expect((await api.get('/v1/locations?limit=1')).status).toBe(200);
}

describe('a key', () => {
  it('may ask for so much in a minute, whatever it asks for, and is told how much is left', async () => {
    const { service, api } = await startLimited();
    const { headers } = await api.get('/v1/locations');
    expect(headers.get('ratelimit-policy')).toBe(`${limit};w=60`);
    expect(headers.get('ratelimit')).toMatch(
      new RegExp(`^limit=${limit}, remaining=${limit - 1}, reset=\\d+$`),
    );
    for (let n = 1; n < limit; n += 1) expect((await api.get('/v1/nothing')).status).toBe(404);
    for (const path of ['/v1/locations', '/v1/nothing', '/app/webhooks']) {
      const refused = await api.get(path);
      expect(refused.status).toBe(429);
      expect(refused.headers.get('content-type')).toBe('application/problem+json');
      const retryAfter = Number(refused.headers.get('retry-after'));
      expect(retryAfter).toBeGreaterThan(0);
      expect(retryAfter).toBeLessThanOrEqual(60);
      expect(refused.body.detail).toBe(`More than ${limit} requests in a minute: try again later.`);
    }
    const other = await withKey(service.api, ['admin']);
    expect((await other.get('/v1/locations')).status).toBe(200);
  });

  it('may hand over events without any limit, also when it has used up its requests', async () => {
    const { service, api } = await startLimited();
    const locationId = await addLocation(service.api);
    await exhaust(api);
    for (let n = 0; n < 3 * limit; n += 1) await handOver(api, newEvent(locationId));
    expect((await api.get('/v1/events')).status).toBe(429);
    expect((await api.get('/v1/locations')).status).toBe(429);
  });

  it('that has used them up triggers, tests and resends nothing any more', async () => {
    const { service, api } = await startLimited();
    const receiver = await running(startReceiver());
    const hook = await register(service.api, { url: receiver.url, method: 'POST' });
    const endpoint = await addEndpoint(service.api, hook.locationId, receiver.url);
    await handOver(service.api, newEvent(hook.locationId));
    await receiver.received(1);
    await exhaust(api);
    const range = { from: '2020-01-01T00:00:00Z', to: '2099-01-01T00:00:00Z' };
    const answers = [
      await api.post(`${hook.path}/trigger`, { data: 'x' }),
      await api.post(`${endpoint.path}/test`),
      await api.post(`${endpoint.path}/resend`, range),
      await api.post(`/v1/locations/${hook.locationId}/deliveries/${randomUUID()}/resend`),
    ];
    expect(answers.map(({ status }) => status)).toEqual([429, 429, 429, 429]);
    expect(receiver.requests).toHaveLength(1);
  });

  it('has no limit where that is turned off', async () => {
    const { api } = await startLimited(0);
    const { headers } = await api.get('/v1/locations');
    expect(headers.get('ratelimit')).toBeNull();
    await exhaust(api);
    await exhaust(api);
  });
});

describe('what a person does at the page', () => {
  it('counts under the key too, but apart from what programs do with it, and by location', async () => {
    const app = new Hono<AppEnv>();
    app.onError(answerError);
    app.use((c, next) => {
      if (c.env.caller) c.set('caller', c.env.caller);
      return next();
    });
    app.use(limitByKey(2));
    app.get('/', (c) => c.text('ok'));
    const key = { id: '1', name: '', scopes: [], allowedIps: null };
    const ask = async (kind: Caller['kind'], locationId: string | null) => {
      const caller: Caller = {
        kind,
        key: { ...key, locationId },
        address: '127.0.0.1',
        isStillValid: alwaysValid,
      };
      return (await app.request('/', {}, { caller })).status;
    };
    for (const [kind, locationId] of [
      ['key', null],
      ['page', null],
      ['link', 'a'],
      ['link', 'b'],
    ] as const)
      expect([await ask(kind, locationId), await ask(kind, locationId), await ask(kind, locationId)]).toEqual(
        [200, 200, 429],
      );
  });
});

describe('an address that sends wrong keys', () => {
  it('is not listened to after 30 in a minute, however it varies them, and others are', async () => {
    const { service } = await startLimited();
    const attacker = from(service, '198.51.100.7');
    for (let n = 0; n < 30; n += 1) expect(await attacker(`wrong-key-${n}`)).toMatchObject({ status: 401 });
    const refused = await attacker('wrong-key');
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    // Nor would it learn that it has found one.
    expect(await attacker(adminKey)).toMatchObject({ status: 429 });
    expect(await attacker(adminKey, '203.0.113.9, 198.51.100.7')).toMatchObject({ status: 429 });
    expect(await from(service, '198.51.100.8')('wrong-key')).toMatchObject({ status: 401 });
    expect(await from(service, '198.51.100.8')(adminKey)).toMatchObject({ status: 200 });
  });

  it('does not shut out those of the same address whose key is right', async () => {
    const { service } = await startLimited();
    const shared = from(service, '198.51.100.7');
    expect(await shared(adminKey)).toMatchObject({ status: 200 });
    for (let n = 0; n < 40; n += 1) await shared('revoked-key');
    expect(await shared('revoked-key')).toMatchObject({ status: 429 });
    expect(await shared(adminKey)).toMatchObject({ status: 200 });
  });

  it('is not counted for requests without a key', async () => {
    const { service } = await startLimited();
    for (let n = 0; n < 40; n += 1)
      expect((await service.api.as(undefined).get('/v1/locations')).status).toBe(401);
    expect((await service.api.as('wrong-key').get('/v1/locations')).status).toBe(401);
  });
});

describe('the memory of limits', () => {
  it('is bounded: of too many senders those whose windows end first are forgotten', () => {
    const windows = new Windows(60_000, 3);
    for (const sender of ['a', 'b', 'a', 'c', 'd', 'd']) windows.increment(sender);
    expect(['a', 'b', 'c', 'd'].map((sender) => windows.get(sender)?.totalHits)).toEqual([
      undefined,
      1,
      1,
      2,
    ]);
  });

  it('counts from zero when a window is over', () => {
    const windows = new Windows(-1);
    windows.increment('a');
    expect(windows.increment('a').totalHits).toBe(1);
    expect(windows.get('a')).toBeUndefined();
  });

  it('lasts no longer when the clock is set back, and says when it ends by that clock', () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    onTestFinished(() => void vi.useRealTimers());
    const windows = new Windows(60_000);
    windows.increment('a');
    vi.setSystemTime(Date.now() - 3_600_000);
    const leftMs = (windows.get('a')?.resetTime.getTime() ?? 0) - Date.now();
    expect(leftMs).toBeGreaterThan(0);
    expect(leftMs).toBeLessThanOrEqual(60_000);
  });
});

/** Requests that come from an address. */
function from({ url }: TestService, address: string) {
  return (key: string, forwarded = address) =>
    fetch(`${url}/v1/locations`, {
      headers: { authorization: `Bearer ${key}`, 'x-forwarded-for': forwarded },
    });
}
