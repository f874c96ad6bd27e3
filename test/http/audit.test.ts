import { randomUUID } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { connect } from '../../src/db/client.ts';
import { audit, locations } from '../../src/db/schema.ts';
import { audited, type Doing } from '../../src/http/audit.ts';
import { withSql } from '../db/dump.ts';
import type { Api } from '../support/api.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { newLocationId, startTestService, type TestService } from '../support/service.ts';
import { setStage } from '../support/stage.ts';
import { until } from '../support/until.ts';
import { addEndpoint, addLocation, handOver, newEvent } from '../support/venue.ts';

let service: TestService;
let receiver: Receiver;
let api: Api;
let location: string;
let path: string;
beforeAll(async () => {
  service = await startTestService();
  receiver = await startReceiver();
  api = service.api;
});
afterAll(async () => {
  await service.stop();
  await receiver.stop();
});
beforeEach(async () => {
  location = await addLocation(api);
  path = `/v1/locations/${location}`;
});

const environment = { kind: 'key', id: 'environment', name: 'BELLHOP_ADMIN_KEY' };

describe('what is done', () => {
  it('to an endpoint is on record: by whom, from where, what was before and after', async () => {
    const made = await api.post(`${path}/endpoints`, {
      url: 'https://example.com/a',
      headers: { 'x-key': 'hidden' },
    });
    const { secret: _made, warnings: _none, ...endpoint } = made.body;
    const changed = await api.patch(`${path}/endpoints/${endpoint.id}`, { enabled: false });
    const rotated = await api.post(`${path}/endpoints/${endpoint.id}/rotate-secret`);
    await api.delete(`${path}/endpoints/${endpoint.id}`);

    const entries = await entriesOf(location);
    const { warnings: _warnings, ...afterChange } = changed.body;
    const { secret: _secret, previousSecretUntil: _until, ...afterRotation } = rotated.body;
    const about = { locationId: location, target: endpoint.id, actor: environment, address: '127.0.0.1' };
    expect(entries).toEqual([
      expect.objectContaining({ action: 'location.created', target: location }),
      expect.objectContaining({ ...about, action: 'endpoint.created', before: null, after: endpoint }),
      expect.objectContaining({ ...about, action: 'endpoint.changed', before: endpoint, after: afterChange }),
      expect.objectContaining({
        ...about,
        action: 'endpoint.secret_rotated',
        before: afterChange,
        after: afterRotation,
      }),
      expect.objectContaining({ ...about, action: 'endpoint.deleted', before: afterRotation, after: null }),
    ]);
    expect(entries[1]?.requestId).toBe(made.headers.get('x-request-id'));
    expect(Math.abs(Date.parse(entries[1]?.at ?? '') - Date.parse(endpoint.createdAt))).toBeLessThan(60_000);
    expect(JSON.stringify(entries)).not.toMatch(/whsec_|hidden/);
  });

  it('to a location is on record, and with its end all that ended with it', async () => {
    const endpoint = await addEndpoint(api, location, receiver.url);
    await api.put(`${path}/webhooks/hook`, { url: 'https://example.com/', headers: { 'x-key': 'hidden' } });
    await api.put(`${path}/flows/flow`, { steps: [] });
    const { body: key } = await api.post('/v1/keys', {
      name: 'Venue',
      scopes: ['admin'],
      locationId: location,
    });
    await api.as(key.key).post('/app/webhooks', { action: 'flow', props: {} });
    const { body: renamed } = await api.put(path, { title: 'New' });
    await api.delete(path);
    const entries = await entriesOf(location);
    expect(entries.filter(({ action }) => action.startsWith('location.'))).toMatchObject([
      { action: 'location.created', before: null, after: { title: 'Kamen Test' } },
      { action: 'location.changed', before: { title: 'Kamen Test' }, after: { title: 'New' } },
      {
        action: 'location.deleted',
        before: {
          ...renamed,
          endpoints: [endpoint.id],
          webhooks: ['hook'],
          flows: ['flow'],
          keys: [key.id],
          appWebhooks: 1,
        },
        after: null,
      },
    ]);
    await api.put(path, { title: 'New' });
    expect((await entriesOf(location)).at(-1)).toMatchObject({ action: 'location.created', before: null });
  });

  it('is not on record when a location is put as it is: nothing is changed', async () => {
    const { body: before } = await api.get(path);
    expect((await api.put(path, { title: 'Kamen Test' })).body).toEqual(before);
    expect((await api.get(path)).body).toEqual(before);
    expect(await entriesOf(location)).toHaveLength(1);
  });

  it('at once by several tells who made the location, once', async () => {
    const id = newLocationId();
    await Promise.all(
      Array.from({ length: 10 }, (_, index) => api.put(`/v1/locations/${id}`, { title: `${index % 2}` })),
    );
    const entries = await entriesOf(id);
    expect(entries.map(({ action }) => action).filter((action) => action === 'location.created')).toEqual([
      'location.created',
    ]);
    // Each entry begins where the one before ended.
    for (const [index, { before }] of entries.entries())
      expect(before).toEqual(entries[index - 1]?.after ?? null);
  });

  it('to keys is on record without their text, under the key that did it', async () => {
    const { body: boss } = await api.post('/v1/keys', { name: 'Boss', scopes: ['admin'] });
    const { body: made } = await api
      .as(boss.key)
      .post('/v1/keys', { name: 'Venue', scopes: ['events:read'], locationId: location });
    await api.as(boss.key).delete(`/v1/keys/${made.id}`);
    const entries = await entriesOf(location);
    const { key, ...shown } = made;
    const actor = { kind: 'key', id: boss.id, name: 'Boss' };
    expect(entries.slice(1)).toMatchObject([
      { action: 'key.created', actor, target: made.id, before: null, after: shown },
      { action: 'key.revoked', actor, target: made.id, before: shown, after: null },
    ]);
    expect(JSON.stringify(entries)).not.toContain(key.slice(8));
  });

  it('to webhooks, flows and app webhooks is on record without hidden values, tokens and URLs that are secrets', async () => {
    const hook = { url: 'https://example.com/', headers: { 'x-key': 'hidden' }, sign: true };
    const { body: registered } = await api.put(`${path}/webhooks/hook`, hook);
    await api.put(`${path}/webhooks/hook`, { ...hook, method: 'GET' });
    const signingSecret = `whsec_${'A'.repeat(32)}`;
    const { body: flow } = await api.put(`${path}/flows/flow`, { steps: [], signingSecret });
    const { body: rotated } = await api.post(`${path}/flows/flow/rotate-token`);
    const { body: key } = await api.post('/v1/keys', {
      name: 'App',
      scopes: ['admin'],
      locationId: location,
    });
    const { body: url } = await api
      .as(key.key)
      .post('/app/webhooks', { action: 'flow', props: { desk: 'north' } });
    await api.as(key.key).delete(`/app/webhooks/${url.uuid}`);
    await api.delete(`${path}/flows/flow`);
    await api.delete(`${path}/webhooks/hook`);

    const entries = await entriesOf(location);
    const appUrl = { target: `${url.uuid.slice(0, 8)}…`, actor: { id: key.id } };
    const props = { action: 'flow', props: { desk: 'north' } };
    expect(entries.filter(({ action }) => !/location|key/.test(action))).toMatchObject([
      { action: 'webhook.saved', target: 'hook', before: null, after: { method: null } },
      { action: 'webhook.saved', target: 'hook', before: { method: null }, after: { method: 'GET' } },
      { action: 'flow.saved', target: 'flow', before: null, after: { name: 'flow', status: 'draft' } },
      {
        action: 'flow.token_rotated',
        target: 'flow',
        before: { tokenHint: flow.tokenHint },
        after: { tokenHint: rotated.tokenHint },
      },
      { action: 'app_webhook.created', ...appUrl, before: null, after: props },
      { action: 'app_webhook.deleted', ...appUrl, before: props, after: null },
      { action: 'flow.deleted', target: 'flow', before: { name: 'flow' }, after: null },
      { action: 'webhook.deleted', target: 'hook', before: { method: 'GET' }, after: null },
    ]);
    for (const secret of [registered.secret, signingSecret, flow.token, rotated.token, flow.id, url.uuid])
      expect(JSON.stringify(entries)).not.toContain(secret);
    expect(JSON.stringify(entries)).not.toContain('hidden');
  });

  it('by hand is on record: tests, resends, resends of a range, re-runs', async () => {
    const endpoint = await addEndpoint(api, location, receiver.url);
    await handOver(api, newEvent(location));
    const sent = await until('the event is delivered', async () => {
      const { body } = await api.get(`${path}/deliveries?outcome=delivered`);
      return body.items[0];
    });
    const { body: test } = await api.post(`${endpoint.path}/test`, { action: 'delete' });
    const { body: resent } = await api.post(`${path}/deliveries/${sent.id}/resend`);
    const range = { from: '2020-01-01T00:00:00.000Z', to: '2099-01-01T00:00:00.000Z' };
    await api.post(`${endpoint.path}/resend`, { ...range, outcomes: ['delivered'] });
    const { body: flow } = await api.put(`${path}/flows/flow`, { auth: 'none', steps: [] });
    await api.as(undefined).post(flow.url, {});
    const { body: runs } = await api.get(`${path}/runs`);
    const { body: rerun } = await api.post(`${path}/runs/${runs.items[0].id}/rerun`);

    const entries = await entriesOf(location);
    expect(entries.filter(({ action }) => /tested|resent|rerun/.test(action))).toMatchObject([
      {
        action: 'endpoint.tested',
        target: endpoint.id,
        after: { deliveryId: test.id, action: 'delete' },
      },
      {
        action: 'delivery.resent',
        target: sent.id,
        after: { deliveryId: resent.id, endpointId: endpoint.id },
      },
      {
        action: 'deliveries.resent',
        target: endpoint.id,
        after: { ...range, outcomes: ['delivered'], resends: 1 },
      },
      { action: 'run.rerun', target: runs.items[0].id, after: { id: rerun.id, rerunOf: runs.items[0].id } },
    ]);
  });

  it('is not on record when it is refused', async () => {
    await api.post(`${path}/endpoints`, { url: 'http://10.0.0.1/' });
    await api.patch(`${path}/endpoints/${randomUUID()}`, { enabled: false });
    await api.delete(`${path}/endpoints/${randomUUID()}`);
    await api.post(`${path}/endpoints/${randomUUID()}/rotate-secret`);
    await api.post(`${path}/endpoints/${randomUUID()}/test`);
    await api.post(`${path}/deliveries/${randomUUID()}/resend`);
    await api.put(`${path}/webhooks/hook`, { url: 'https://example.com/', headers: { 'x-key': '••••••' } });
    await api.delete(`${path}/webhooks/hook`);
    await api.delete(`${path}/flows/flow`);
    await api.post(`${path}/flows/flow/rotate-token`);
    expect(await entriesOf(location)).toHaveLength(1);
  });
});

describe('a change and its entry', () => {
  const doing: Doing = {
    caller: {
      kind: 'key',
      key: { id: 'k', name: 'K', scopes: [], locationId: null, allowedIps: null },
      address: '127.0.0.1',
    },
    requestId: 'r',
  };
  const entry = { action: 'location.created', locationId: 'a', target: 'a' } as const;

  it('are both undone when either fails', async () => {
    const { databaseUrl, sql } = await setStage();
    const db = connectTo(databaseUrl);
    const unchanged = audited(db, doing, async (tx) => {
      await tx.insert(locations).values({ id: 'a', title: 'A' });
      return [null, { ...entry, target: 'NUL \0' }];
    });
    await expect(unchanged).rejects.toThrow('Failed query');
    const unrecorded = audited(db, doing, async (tx) => {
      await tx.insert(locations).values({ id: 'a', title: 'A' });
      throw new Error('not after all');
    });
    await expect(unrecorded).rejects.toThrow('not after all');
    expect(await sql`select from locations`).toHaveLength(0);
    expect(await sql`select from audit`).toHaveLength(0);
  });

  it('are both undone when the connection dies between them, and the next statement finds another one', async () => {
    const { databaseUrl, sql } = await setStage();
    const db = connectTo(databaseUrl);
    const gone = new EventEmitter();
    const ended = once(gone, 'on');
    const change = audited(db, doing, async (tx) => {
      await tx.insert(locations).values({ id: 'a', title: 'A' });
      await sql`
        select pg_terminate_backend(pid)
        from pg_stat_activity
        where state = 'idle in transaction' and datname = current_database()`;
      // Another request makes the pool connect again, on the very connection that this transaction lost.
      await until('the pool has another connection', () => db.$client`select 1`.catch(() => null));
      try {
        await tx.insert(audit).values(row);
      } finally {
        gone.emit('on');
      }
      return [null, entry];
    });
    await expect(change).rejects.toThrow('CONNECTION_CLOSED');
    await ended;
    expect(await sql`select from locations`).toHaveLength(0);
    expect(await sql`select from audit`).toHaveLength(0);
  });

  const row = {
    locationId: 'a',
    id: randomUUID(),
    actorKind: 'key',
    actorId: 'k',
    actorName: 'K',
    action: 'location.created',
    target: 'a',
    address: '',
    requestId: '',
  } as const;
});

describe('the audit log', () => {
  it('cannot be changed or emptied, not even by plain SQL of its owner', async () => {
    await withSql(service.databaseUrl, async (sql) => {
      for (const statement of ['update audit set target = target', 'delete from audit', 'truncate audit'])
        await expect(sql.unsafe(statement)).rejects.toThrow('The audit log is append-only.');
    });
  });

  it('is paged newest first, each entry once, and filtered', async () => {
    for (const title of ['1', '2', '3', '4']) await api.put(path, { title });
    const seen: string[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const { body } = await api.get(
        `/v1/audit?locationId=${location}&limit=2${cursor && `&cursor=${cursor}`}`,
      );
      expect(body.items.length).toBeLessThanOrEqual(2);
      seen.push(...body.items.map(({ after }: { after: { title: string } }) => after.title));
      cursor = body.nextCursor;
    }
    expect(seen).toEqual(['4', '3', '2', '1', 'Kamen Test']);

    const [, , third] = await entriesOf(location);
    const titles = async (query: string) => {
      const { body } = await api.get(`/v1/audit?locationId=${location}&${query}`);
      return body.items.map(({ after }: { after: { title: string } }) => after.title);
    };
    expect(await titles('action=location.created')).toEqual(['Kamen Test']);
    expect(await titles(`actorId=${randomUUID()}`)).toEqual([]);
    expect(await titles('actorId=environment')).toHaveLength(5);
    expect(await titles(`from=${third?.at}`)).toContain('2');
    expect(await titles(`to=${third?.at}`)).not.toContain('2');
    expect([...(await titles(`from=${third?.at}`)), ...(await titles(`to=${third?.at}`))]).toEqual(seen);
  });

  it.each([
    ['action=x', 'action'],
    ['actorId=x', 'actorId'],
    ['locationId=a%20b', 'locationId'],
    ['from=yesterday', 'from'],
    ['cursor=x', 'cursor'],
    ['limit=0', 'limit'],
  ])('refuses ?%s', async (query, member) => {
    const { status, body } = await api.get(`/v1/audit?${query}`);
    expect([status, body.errors[0].path]).toEqual([422, member]);
  });

  it('shows a key of one location what was done there, and nothing else', async () => {
    const other = await addLocation(api);
    const settings = { name: 'x', scopes: ['admin'], locationId: location };
    const { body: bound } = await api.post('/v1/keys', settings);
    const all = await api.as(bound.key).get('/v1/audit');
    expect(new Set(all.body.items.map((item: { locationId: string }) => item.locationId))).toEqual(
      new Set([location]),
    );
    const [entry] = await entriesOf(other);
    for (const query of [
      `locationId=${other}`,
      `locationId=${newLocationId()}`,
      `locationId=${other}&cursor=${entry?.id}`,
    ])
      expect((await api.as(bound.key).get(`/v1/audit?${query}`)).body).toEqual({
        items: [],
        nextCursor: null,
      });
    const { body: reader } = await api.post('/v1/keys', { name: 'x', scopes: ['settings:read'] });
    expect((await api.as(reader.key).get('/v1/audit')).status).toBe(403);
  });
});

describe('a key that is refused', () => {
  it.each([
    ['expired', {}, '/v1/locations', 401],
    ['address', { allowedIps: ['198.51.100.7'] }, '/v1/locations', 403],
    ['scope', { scopes: ['events:read'] }, '/v1/locations', 403],
    ['location', {}, '/v1/locations/other', 404],
  ])('is on record, once a minute: %s', async (reason, more, target, status) => {
    const { body } = await api.post('/v1/keys', {
      name: 'Venue',
      scopes: ['admin'],
      locationId: location,
      ...more,
    });
    if (reason === 'expired')
      await withSql(
        service.databaseUrl,
        (sql) => sql`update api_keys set expires_at = now() where id = ${body.id}`,
      );
    for (let time = 0; time < 5; time += 1) expect((await api.as(body.key).get(target)).status).toBe(status);
    const entry = await until('the refusal is on record', async () =>
      (await entriesOf(location)).find(({ action }) => action === 'key.refused'),
    );
    expect(entry).toMatchObject({
      actor: { kind: 'key', id: body.id, name: 'Venue' },
      target: body.id,
      after: { reason },
      address: '127.0.0.1',
      requestId: expect.stringMatching(/./),
    });
    // The entry of another refusal is written after all of these.
    await refuseForScope();
    expect((await entriesOf(location)).filter(({ action }) => action === 'key.refused')).toHaveLength(1);
  });

  it("and is nobody's is on record by its address alone, once a minute", async () => {
    const fresh = await startTestService();
    onTestFinished(() => fresh.stop());
    for (let time = 0; time < 20; time += 1)
      expect((await fresh.api.as(`bellhop_${'canary'.repeat(6)}${time}`).get('/v1/locations')).status).toBe(
        401,
      );
    const entries = await until('the refusal is on record', async () => {
      const { body } = await fresh.api.get('/v1/audit');
      return body.items.length > 0 && body.items;
    });
    expect(entries).toMatchObject([
      {
        locationId: null,
        actor: { kind: 'sender', id: '', name: '' },
        action: 'key.refused',
        target: '',
        after: { reason: 'unknown' },
        address: '127.0.0.1',
      },
    ]);
    expect(JSON.stringify(entries)).not.toContain('canary');
  });

  it('fills neither table nor memory: an IPv6 network counts once, and a minute has 1000 at most', {
    timeout: 120_000,
  }, async () => {
    const { databaseUrl, sql } = await setStage();
    const fresh = await startTestService({ DATABASE_URL: databaseUrl, TRUST_PROXY: '127.0.0.1' });
    const networks = Array.from({ length: 20 }, (_, host) => `2001:db8::${host + 1}`);
    const hosts = Array.from({ length: 1100 }, (_, number) => `10.0.${number >> 8}.${number & 255}`);
    // Many at once: all of it takes less than a minute on a busy machine.
    for (const addresses of [networks, hosts.slice(0, 550), hosts.slice(550)])
      await Promise.all(
        addresses.map(async (address) => {
          const headers = { authorization: 'Bearer wrong', 'x-forwarded-for': address };
          const answer = await fetch(`${fresh.url}/v1/locations`, { headers });
          expect([answer.status, await answer.text()]).toEqual([401, expect.stringContaining('unknown')]);
        }),
      );
    await until('as many as may be are on record', async () => {
      const [row] = await sql`select count(*)::int from audit`;
      return row?.['count'] >= 1000;
    });
    await fresh.stop();
    const rows = await sql<{ address: string }[]>`select address from audit`;
    expect(rows.filter(({ address }) => address.includes(':'))).toHaveLength(1);
    expect(rows).toHaveLength(1000);
  });

  it('is answered as ever when the refusal cannot be put on record', async () => {
    const fresh = await startTestService();
    onTestFinished(() => fresh.stop());
    await withSql(fresh.databaseUrl, (sql) => sql`alter table audit rename to audit_gone`);
    expect((await fresh.api.as('wrong-key').get('/v1/locations')).status).toBe(401);
    expect((await fresh.api.get('/v1/locations')).status).toBe(200);
    // Nor is anything changed that could not be put on record.
    expect((await fresh.api.put('/v1/locations/a', { title: 'A' })).status).toBe(500);
    expect((await fresh.api.get('/v1/locations')).body.items).toEqual([]);
  });
});

/** What the tests look at by itself. */
type Entry = { id: string; action: string; before: unknown; after: unknown; at: string; requestId: string };

/** The entries of a location, oldest first. */
async function entriesOf(locationId: string): Promise<Entry[]> {
  const { body } = await api.get(`/v1/audit?locationId=${locationId}&limit=1000`);
  return body.items.toReversed();
}

/** A pool of one connection. */
function connectTo(databaseUrl: string) {
  const db = connect(databaseUrl, { max: 1 });
  onTestFinished(() => db.$client.end());
  return db;
}

async function refuseForScope() {
  const { body } = await api.post('/v1/keys', { name: 'x', scopes: ['events:read'] });
  await api.as(body.key).get('/v1/audit');
  await until('the other refusal is on record', async () => {
    const { body: page } = await api.get(`/v1/audit?actorId=${body.id}`);
    return page.items[0];
  });
}
