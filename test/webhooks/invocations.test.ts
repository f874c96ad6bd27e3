import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect } from '../../src/db/client.ts';
import { abandonInvocations, removeOldInvocations } from '../../src/webhooks/invocation.ts';
import { dumpDatabase, withSql } from '../db/dump.ts';
import { holdAnswers } from '../support/arrivals.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { running, setStage } from '../support/stage.ts';
import { addLocation } from '../support/venue.ts';
import { register, withKey } from './register.ts';

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

/** Runs a step of housekeeping, and gives how many rows it changed. */
async function tidy(databaseUrl: string, chore: (db: ReturnType<typeof connect>) => Promise<number>) {
  const db = connect(databaseUrl, { max: 1 });
  try {
    return await chore(db);
  } finally {
    await db.$client.end();
  }
}

describe('an invocation', () => {
  it('is on record before the request goes out', async () => {
    const webhook = await register(service.api, { url: receiver.url, sign: true });
    const seen: unknown[] = [];
    receiver.answerWith(async (request, response) => {
      const id = String(request.headers['webhook-id']);
      const { body } = await service.api.get(`/v1/locations/${webhook.locationId}/invocations/${id}`);
      seen.push(body);
      response.writeHead(204).end();
    });
    const { body } = await webhook.trigger({ data: 'hello' });
    expect(seen).toMatchObject([
      {
        referenceId: body.referenceId,
        outcome: 'sending',
        reason: null,
        status: null,
        requestBytes: 5,
        responseBytes: null,
        durationMs: null,
        endedAt: null,
      },
    ]);
    expect(await webhook.lastInvocation()).toMatchObject({ outcome: 'answered', status: 204 });
  });

  it('tells who, when, which, how large, how long and how it ended', async () => {
    receiver.answerWith((_request, response) => response.writeHead(202).end('Grüße'));
    const webhook = await register(service.api, { url: receiver.url });
    const app = await withKey(service.api, ['webhooks:trigger'], {
      locationId: webhook.locationId,
      name: 'Booking app',
    });
    const before = Date.now();
    const { body } = await app.post(`${webhook.path}/trigger`, { data: 'ä' });
    const after = Date.now();
    const record = await webhook.lastInvocation();
    const { body: keys } = await service.api.get('/v1/keys');
    expect(record).toEqual({
      referenceId: body.referenceId,
      webhookId: 'hook',
      key: { id: keys.items[0].id, name: 'Booking app' },
      outcome: 'answered',
      reason: null,
      detail: null,
      status: 202,
      durationMs: expect.any(Number),
      requestBytes: 2,
      responseBytes: 7,
      createdAt: expect.any(String),
      endedAt: expect.any(String),
      requestBody: null,
      responseBody: null,
    });
    expect(record.durationMs).toBeLessThanOrEqual(after - before + 1);
    expect(Date.parse(record.createdAt)).toBeGreaterThanOrEqual(before - 1);
    expect(Date.parse(record.endedAt)).toBeLessThanOrEqual(after + 1);
    const { requestBody: _, responseBody: __, ...listed } = record;
    expect((await service.api.get(`${webhook.path}/invocations`)).body).toEqual({
      items: [listed],
      nextCursor: null,
    });
  });

  it('of a webhook that is not registered is refused and on record', async () => {
    const locationId = await addLocation(service.api);
    const path = `/v1/locations/${locationId}/webhooks/nobody`;
    const answer = await service.api.post(`${path}/trigger`, { data: 'x' });
    expect(answer.status).toBe(404);
    expect(answer.body.detail).toBe('There is no webhook with this id at this location.');
    const { body } = await service.api.get(`${path}/invocations`);
    expect(body.items).toMatchObject([
      { webhookId: 'nobody', outcome: 'refused', reason: 'not_registered', detail: answer.body.detail },
    ]);
  });

  it('that is refused is on record whatever the app wrote, in a readable length', async () => {
    const webhook = await register(service.api, { url: receiver.url });
    for (const name of ['a\0b', '\ud800', 'x'.repeat(1_000_000)]) {
      expect((await webhook.trigger({ headers: { [name]: 'x' } })).status).toBe(422);
      const record = await webhook.lastInvocation();
      expect(record).toMatchObject({ outcome: 'refused', reason: 'does_not_fit' });
      expect(record.detail.length).toBeLessThanOrEqual(1000);
    }
    const { body } = await service.api.get(`${webhook.path}/invocations`);
    expect(body.items).toHaveLength(3);
  });

  it('is found in pages, newest first, and not by another id', async () => {
    const webhook = await register(service.api, { url: receiver.url });
    const ids: string[] = [];
    for (const data of ['1', '2', '3']) ids.unshift((await webhook.trigger({ data })).body.referenceId);
    const first = await service.api.get(`${webhook.path}/invocations?limit=2`);
    expect(first.body.items.map((item: { referenceId: string }) => item.referenceId)).toEqual(
      ids.slice(0, 2),
    );
    const rest = await service.api.get(`${webhook.path}/invocations?limit=2&cursor=${first.body.nextCursor}`);
    expect(rest.body).toMatchObject({ items: [{ referenceId: ids[2] }], nextCursor: null });
    for (const id of [randomUUID(), 'x', '%00'])
      expect((await service.api.get(`/v1/locations/${webhook.locationId}/invocations/${id}`)).status).toBe(
        404,
      );
  });
});

describe('bodies', () => {
  const big = 'ä\0🕶'.repeat(50_000);

  it('are on record only when the registration says so', async () => {
    receiver.answerWith((_request, response) =>
      response.writeHead(200, { 'content-type': 'application/json' }).end('{"b":2}'),
    );
    const webhook = await register(service.api, { url: receiver.url });
    await webhook.trigger({ data: { a: 1 } });
    expect(await webhook.lastInvocation()).toMatchObject({ requestBody: null, responseBody: null });
    await service.api.put(webhook.path, { url: receiver.url, recordBodies: true });
    await webhook.trigger({ data: { a: 1 } });
    expect(await webhook.lastInvocation()).toMatchObject({ requestBody: '{"a":1}', responseBody: '{"b":2}' });
    expect(await dumpDatabase(service.databaseUrl)).toContain('{""a"":1}');
  });

  it('are cut off, and hold nothing that cannot be stored', async () => {
    receiver.answerWith((_request, response) => response.writeHead(200).end(big));
    const webhook = await register(service.api, { url: receiver.url, recordBodies: true });
    const { body } = await webhook.trigger({ data: big });
    expect(body.data).toBe(big);
    const { requestBody, responseBody, ...record } = await webhook.lastInvocation();
    expect(record).toMatchObject({ outcome: 'answered', requestBytes: 350_000, responseBytes: 350_000 });
    expect(requestBody).toHaveLength(64 * 1024);
    expect(requestBody.slice(0, 8)).toBe('ä\ufffd🕶ä\ufffd🕶');
    expect(responseBody).toBe(requestBody);
  });

  it('that are not text are on record in base64', async () => {
    receiver.answerWith((_request, response) =>
      response.writeHead(200, { 'content-type': 'image/png' }).end(Buffer.from([255, 0])),
    );
    const webhook = await register(service.api, {
      url: receiver.url,
      recordBodies: true,
      payload_encoding: 'base64',
    });
    await webhook.trigger({ data: '/wA=' });
    const { requestBody, responseBody } = await webhook.lastInvocation();
    expect(requestBody).toBe('/wA=');
    expect(JSON.parse(responseBody)).toEqual({ contentType: 'image/png', base64: '/wA=' });
  });
});

describe('when something of ours fails', () => {
  it('after the request went out, the app still gets the answer', async () => {
    const stage = await setStage();
    const { api } = await stage.start();
    receiver.answerWith(async (_request, response) => {
      await stage.sql`alter table invocations rename to away`;
      response.writeHead(201).end('done');
    });
    const webhook = await register(api, { url: receiver.url });
    const { status, body } = await webhook.trigger({ data: 'x' });
    expect({ status, body }).toMatchObject({
      status: 200,
      body: { status: 201, data: 'done', error: false },
    });
    await stage.sql`alter table away rename to invocations`;
    expect(await webhook.lastInvocation()).toMatchObject({
      referenceId: body.referenceId,
      outcome: 'sending',
    });
  });

  it('before the request went out, the app gets an error and the record says so', async () => {
    const webhook = await register(service.api, { url: receiver.url, headers: { 'x-key': 'hidden' } });
    await withSql(
      service.databaseUrl,
      (sql) =>
        sql`update webhooks set headers = '{"x-key": "v1.00000000.x"}' where location_id = ${webhook.locationId}`,
    );
    const seen = receiver.requests.length;
    const answer = await webhook.trigger();
    expect(answer.status).toBe(500);
    expect(JSON.stringify(answer.body)).not.toContain('v1.0000');
    expect(await webhook.lastInvocation()).toMatchObject({
      outcome: 'refused',
      reason: 'internal',
      detail: null,
    });
    expect(receiver.requests).toHaveLength(seen);
  });

  it('while the request is written, the invocation has ended, and is not left as sending', async () => {
    const webhook = await register(service.api, { url: receiver.url });
    // A method that cannot be written: no registration has one.
    await withSql(
      service.databaseUrl,
      (sql) => sql`update webhooks set method = 'A B' where location_id = ${webhook.locationId}`,
    );
    const answer = await webhook.trigger({ data: 'x' });
    expect(answer.status).toBe(500);
    expect(await webhook.lastInvocation()).toMatchObject({
      outcome: 'failed',
      reason: 'internal',
      endedAt: expect.any(String),
    });
  });
});

describe('a process that dies in the middle', () => {
  it('leaves the invocation as sending, which becomes abandoned, and is never sent again', async () => {
    const stage = await setStage();
    const killed = await stage.spawn();
    const seen = receiver.requests.length;
    receiver.answerWith(() => killed.child.kill('SIGKILL'));
    const webhook = await register(killed.api, { url: receiver.url });
    await expect(webhook.trigger({ data: 'x' })).rejects.toThrow('fetch failed');
    await killed.end('SIGKILL');
    const [left] = await stage.sql`select outcome, ended_at from invocations`;
    expect(left).toEqual({ outcome: 'sending', ended_at: null });
    expect(await tidy(stage.databaseUrl, abandonInvocations)).toBe(0);

    await stage.sql`update invocations set created_at = now() - interval '61 seconds'`;
    expect(await tidy(stage.databaseUrl, abandonInvocations)).toBe(1);
    const { api } = await stage.start();
    const { body } = await api.get(`${webhook.path}/invocations`);
    expect(body.items).toMatchObject([
      { outcome: 'abandoned', reason: 'crashed', status: null, endedAt: expect.any(String) },
    ]);
    expect(receiver.requests).toHaveLength(seen + 1);
  });

  it('logs nothing of what is hidden, sent or answered', async () => {
    const secret = randomUUID();
    const stage = await setStage();
    const spawned = await stage.spawn();
    receiver.answerWith((_request, response) => response.writeHead(500).end(`echo ${secret}`));
    const webhook = await register(spawned.api, {
      url: `${receiver.url}/?key=${secret}`,
      headers: { authorization: `Bearer ${secret}` },
      queryParams: ['q'],
      sign: true,
    });
    const own = randomUUID();
    const given = { data: own, headers: { 'x-own': own }, queryParams: { q: own } };
    expect((await webhook.trigger(given)).body).toMatchObject({ status: 500 });
    expect((await webhook.trigger({ ...given, headers: { authorization: own } })).status).toBe(422);
    await stage.sql`update webhooks set method = 'A B'`;
    expect((await webhook.trigger(given)).status).toBe(500);
    await spawned.end('SIGTERM');
    const log = spawned.log.join('\n');
    expect(log).toContain('/webhooks/hook/trigger');
    for (const value of [secret, own, webhook.registered.secret.slice(6)]) expect(log).not.toContain(value);
    const dump = await dumpDatabase(stage.databaseUrl);
    expect(dump).not.toContain(own);
    expect(dump).not.toContain(webhook.registered.secret.slice(6));
    expect(dump.split(secret)).toHaveLength(3); // in the URL, which admins may read: there, and in the audit log
  });
});

describe('retention', () => {
  it('removes what is older than its days, and nothing else', async () => {
    receiver.answerWith((_request, response) => response.writeHead(204).end());
    const stage = await setStage();
    const { api } = await stage.start({ ROLE: 'api' });
    const webhook = await register(api, { url: receiver.url });
    const old = await webhook.trigger({ data: 'old' });
    const recent = await webhook.trigger({ data: 'recent' });
    await stage.sql`
      update invocations
      set created_at = now() - case id when ${old.body.referenceId} then interval '30 days 1 minute' else interval '29 days 23 hours' end`;
    expect(await tidy(stage.databaseUrl, (db) => removeOldInvocations(db, 30))).toBe(1);
    const { body } = await api.get(`${webhook.path}/invocations`);
    expect(body.items).toMatchObject([{ referenceId: recent.body.referenceId }]);
  });
});

describe('triggers under way', () => {
  it('are at most 32 at a location, and of no concern to another location', async () => {
    const { answer, release } = holdAnswers();
    const holding = await running(startReceiver());
    holding.answerWith(answer);
    const busy = await register(service.api, { url: holding.url });
    const other = await register(service.api, { url: holding.url });
    const underWay = Array.from({ length: 32 }, () => busy.trigger({ data: 'x' }));
    await holding.received(32);

    const refused = await busy.trigger({ data: 'x' });
    expect(refused.status).toBe(429);
    expect(refused.headers.get('retry-after')).toBe('1');
    const through = other.trigger({ data: 'x' });
    await holding.received(33);
    release(204);

    for (const { body } of await Promise.all([...underWay, through])) expect(body.status).toBe(204);
    holding.answerWith((_request, response) => response.writeHead(204).end());
    expect((await busy.trigger({ data: 'x' })).status).toBe(200);
    expect(holding.requests).toHaveLength(34);
  });
});
