import { randomBytes } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { expect, it, vi } from 'vitest';
import { createEncryption } from '../../src/db/encryption.ts';
import { ownerOf } from '../../src/db/sealed.ts';
import type { Api } from '../support/api.ts';
import { startReceiver } from '../support/receiver.ts';
import { run, startProgram } from '../support/run.ts';
import { testEnvironment } from '../support/service.ts';
import { running, setStage, type Stage } from '../support/stage.ts';
import { until } from '../support/until.ts';
import { addEndpoint, addLocation, handOver, newEvent } from '../support/venue.ts';
import { dumpDatabase } from './dump.ts';

// Several processes, or several dumps of a database, on a machine that is busy.
vi.setConfig({ testTimeout: 90_000 });

const [oldKey, newKey, otherKey] = [randomBytes(32), randomBytes(32), randomBytes(32)];
const old = { BELLHOP_ENCRYPTION_KEY: oldKey.toString('base64') };
const both = {
  BELLHOP_ENCRYPTION_KEY: newKey.toString('base64'),
  BELLHOP_PREVIOUS_ENCRYPTION_KEY: oldKey.toString('base64'),
};
const fresh = { BELLHOP_ENCRYPTION_KEY: newKey.toString('base64') };
const [staleId = ''] = createEncryption(oldKey).keyIds;
const [freshId = ''] = createEncryption(newKey).keyIds;

it('seals everything with the new key: nothing but it is needed then, and every secret is what it was', async () => {
  const stage = await setStage();
  const receiver = await running(startReceiver());
  const before = await stage.start(old);
  const venue = await makeVenue(before.api, receiver.url);
  const signed = await before.api.post(`${venue.endpoint.path}/rotate-secret`);
  await before.stop();

  expect(await reencrypt(stage)).toEqual({
    code: 0,
    said: 'endpoints: 1 re-encrypted, 0 unreadable\nwebhooks: 1 re-encrypted, 0 unreadable\nflows: 1 re-encrypted, 0 unreadable\n',
  });
  expect(await sealedTexts(stage)).toHaveLength(7);
  for (const text of await sealedTexts(stage)) expect(text).toMatch(new RegExp(`^v1\\.${freshId}\\.`));
  // Nor is there a column that it does not know of.
  expect(await dumpDatabase(stage.databaseUrl)).not.toContain(`v1.${staleId}.`);
  // A deleted endpoint has no secret, and a header that the caller fills in no value.
  expect(await reencrypt(stage)).toMatchObject({
    code: 0,
    said: expect.stringContaining('endpoints: 0 re-'),
  });

  const { api } = await stage.start(fresh);
  await handOver(api, newEvent(venue.location));
  const [delivery] = await receiver.received(1);
  expect(delivery?.headers).toMatchObject({ 'x-key': 'endpoint value', 'x-more': 'more' });
  for (const { secret } of [venue.endpoint, signed.body])
    expect(() => new Webhook(secret).verify(delivery?.body ?? '', asTexts(delivery?.headers))).not.toThrow();
  await api.post(`/v1/locations/${venue.location}/webhooks/hook/trigger`, { headers: { 'x-own': 'own' } });
  const requests = await receiver.received(2);
  expect(requests[1]?.headers).toMatchObject({ 'x-key': 'webhook value', 'x-own': 'own' });
  const flow = await api.put(`/v1/locations/${venue.location}/flows/flow`, { signingSecret: '••••••' });
  expect(flow).toMatchObject({ status: 200, body: { signingSecret: '••••••' } });
});

it.each(['endpoints', 'webhooks', 'flows'] as const)(
  'a start without the previous key says so while a value of %s needs it',
  async (table) => {
    const stage = await setStage();
    const before = await stage.start(old);
    await makeVenue(before.api, 'https://example.com');
    await before.stop();
    for (const other of ['endpoints', 'webhooks', 'flows'])
      if (other !== table) await stage.sql`delete from ${stage.sql(other)}`;
    const { code, said } = await run(
      'dist/main.js',
      testEnvironment(stage.databaseUrl, { ...fresh, LOG_LEVEL: 'info' }),
    );
    expect([code, said]).toEqual([1, expect.stringContaining('encrypted with the key')]);
    await stage.start(both);
  },
);

it('may be killed in the middle and run again, while the service reads both', async () => {
  const stage = await setStage();
  const receiver = await running(startReceiver());
  const before = await stage.start(old);
  const location = await addLocation(before.api);
  const made = await Promise.all(
    Array.from({ length: 250 }, () =>
      addEndpoint(before.api, location, receiver.url, { enabled: false, headers: { 'x-key': 'value' } }),
    ),
  );
  const endpoints = made.toSorted((a, b) => (a.id < b.id ? -1 : 1));
  await before.stop();

  // The row in the middle is held: the program stops there, and is killed.
  const program = startProgram('bin/bellhop.js', testEnvironment(stage.databaseUrl, both), ['reencrypt']);
  await stage.sql.begin(async (tx) => {
    await tx`select from endpoints where id = ${endpoints[125]?.id ?? ''} for update`;
    await until('it waits for the row', async () => {
      const waiting = await stage.sql`
        select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`;
      return waiting.length > 0;
    });
    program.child.kill('SIGKILL');
    expect((await program.ended).code).toBeNull();
  });
  await until('its connection has gone', async () => {
    const others = await stage.sql`
      select from pg_stat_activity where application_name = 'bellhop' and datname = current_database()`;
    return others.length === 0;
  });
  const done = (await sealedTexts(stage)).filter((text) => text.startsWith(`v1.${freshId}.`));
  expect(done.length).toBeGreaterThanOrEqual(2 * 125);
  expect(done.length).toBeLessThan(2 * 250);

  const during = await stage.start(both);
  for (const endpoint of [endpoints[0], endpoints[249]]) {
    const { body } = await during.api.post(`${endpoint?.path}/test`);
    expect(body.outcome).toBe('delivered');
  }
  expect(receiver.requests.map(({ headers }) => headers['x-key'])).toEqual(['value', 'value']);
  await during.stop();

  expect((await reencrypt(stage)).code).toBe(0);
  for (const text of await sealedTexts(stage)) expect(text).toMatch(new RegExp(`^v1\\.${freshId}\\.`));
  await expectSecrets(stage, endpoints);
});

it('leaves what is changed meanwhile as it was changed', async () => {
  const stage = await setStage();
  const before = await stage.start(old);
  const location = await addLocation(before.api);
  const endpoints = await Promise.all(
    Array.from({ length: 60 }, () =>
      addEndpoint(before.api, location, 'https://example.com/', { headers: { 'x-key': 'value' } }),
    ),
  );
  await before.stop();
  const { api } = await stage.start(both);
  const secrets = new Map(endpoints.map(({ id, secret }) => [id, secret]));
  const [first, second] = endpoints.toSorted((a, b) => (a.id < b.id ? -1 : 1));

  // The first row is held until somebody has rotated the second one, which has been read already.
  let program: ReturnType<typeof startProgram> | undefined;
  await stage.sql.begin(async (tx) => {
    await tx`select from endpoints where id = ${first?.id ?? ''} for update`;
    program = startProgram('bin/bellhop.js', testEnvironment(stage.databaseUrl, both), ['reencrypt']);
    await until('it waits for the row', async () => {
      const waiting = await stage.sql`
        select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`;
      return waiting.length > 0;
    });
    const { body } = await api.post(`${second?.path}/rotate-secret`);
    secrets.set(second?.id ?? '', body.secret);
  });
  for (const endpoint of endpoints.slice(30).filter(({ id }) => id !== second?.id)) {
    const { body } = await api.post(`${endpoint.path}/rotate-secret`);
    secrets.set(endpoint.id, body.secret);
  }
  expect((await program?.ended)?.code).toBe(0);

  await expectSecrets(
    stage,
    endpoints.map(({ id }) => ({ id, secret: secrets.get(id) ?? '' })),
  );
  for (const text of await sealedTexts(stage)) expect(text).toMatch(new RegExp(`^v1\\.${freshId}\\.`));
});

it('names what neither key opens, and does the rest', async () => {
  const stage = await setStage();
  const before = await stage.start(old);
  const location = await addLocation(before.api);
  const lost = await addEndpoint(before.api, location, 'https://example.com/');
  const kept = await addEndpoint(before.api, location, 'https://example.com/');
  const sealed = createEncryption(otherKey).seal('whsec_x', ownerOf('endpoint', location, lost.id));
  await stage.sql`update endpoints set secret = ${sealed} where id = ${lost.id}`;
  await before.stop();

  const { code, said } = await reencrypt(stage);
  expect(code).toBe(1);
  expect(said).toContain('endpoints: 1 re-encrypted, 1 unreadable\n');
  expect(said).toContain(`endpoint ${location} ${lost.id}: The stored value was encrypted with the key`);
  await expectSecrets(stage, [kept]);
});

async function reencrypt({ databaseUrl }: Stage) {
  return run('bin/bellhop.js', testEnvironment(databaseUrl, both), ['reencrypt']);
}

/** One of everything that is sealed. */
async function makeVenue(api: Api, url: string) {
  const location = await addLocation(api);
  const endpoint = await addEndpoint(api, location, url, {
    headers: { 'x-key': 'endpoint value', 'x-more': 'more' },
  });
  const deleted = await addEndpoint(api, location, url);
  await api.delete(deleted.path);
  const path = `/v1/locations/${location}`;
  const headers = { 'x-key': 'webhook value', 'x-own': '' };
  await api.put(`${path}/webhooks/hook`, { url, headers, sign: true });
  await api.put(`${path}/flows/flow`, { signingSecret: `whsec_${'A'.repeat(32)}` });
  return { location, endpoint };
}

/** Every sealed text in the database. */
async function sealedTexts({ sql }: Stage): Promise<string[]> {
  const rows = await sql<{ sealed: string }[]>`
    select secret as sealed from endpoints where secret <> ''
    union all select previous_secret from endpoints where previous_secret is not null
    union all select value from endpoints, jsonb_each_text(headers)
    union all select secret from webhooks where secret is not null
    union all select value from webhooks, jsonb_each_text(headers) where value <> ''
    union all select signing_secret from flows where signing_secret is not null`;
  return rows.map(({ sealed }) => sealed);
}

async function expectSecrets({ sql }: Stage, endpoints: { id: string; secret: string }[]): Promise<void> {
  const encryption = createEncryption(newKey);
  for (const { id, secret } of endpoints) {
    const [row] = await sql`select location_id, secret from endpoints where id = ${id}`;
    expect(encryption.open(row?.['secret'], ownerOf('endpoint', row?.['location_id'], id))).toBe(secret);
  }
}

function asTexts(headers: NodeJS.Dict<string | string[]> = {}): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
}
