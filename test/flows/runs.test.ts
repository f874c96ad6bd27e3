import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { connect, disconnect } from '../../src/db/client.ts';
import { removeOldRuns } from '../../src/flows/run.ts';
import { abandonRuns, renewLeases } from '../../src/flows/run-lease.ts';
import { startReceiver } from '../support/receiver.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { running } from '../support/stage.ts';
import { addLocation } from '../support/venue.ts';
import { endedRuns, makeFlow, registerWebhook, runsOf } from './flow.ts';

let service: TestService;
beforeAll(async () => {
  service = await startTestService();
});
afterAll(() => service.stop());

describe('the debugger', () => {
  it('shows a run in full, and no secret', async () => {
    const receiver = await running(startReceiver());
    receiver.answerWith((request, response) =>
      response.setHeader('content-type', 'text/plain').end(`you sent ${request.headers.authorization}`),
    );
    const locationId = await addLocation(service.api);
    const credential = 'Bearer hidden-credential-of-the-venue';
    const headers = { authorization: credential, 'x-key': '' };
    await registerWebhook(service.api, locationId, 'w', { url: receiver.url, headers, queryParams: ['q'] });
    const steps = [
      {
        ref: 'res1',
        trigger: 'w',
        data: { name: '{{ web1.name }}' },
        headers: { 'x-key': 'key-{{ web1.name }}-7351' },
        queryParams: { q: '{{ web1.name }}' },
      },
    ];
    const response = { status: 201, body: '["{{ web1.name }}"]' };
    const flow = await makeFlow(service, { steps, response }, { locationId });
    await flow.send({ name: 'Ada' });
    const [run] = await flow.runs();
    expect(run).toEqual({
      id: expect.any(String),
      flow: { id: flow.id, name: flow.name },
      source: 'flow_webhook',
      status: 'succeeded',
      responseStatus: 201,
      error: null,
      rerunOf: null,
      createdAt: expect.any(String),
      startedAt: expect.any(String),
      endedAt: expect.any(String),
      input: { event: { name: 'Ada' }, props: {} },
      steps: [
        {
          ref: 'res1',
          input: { data: { name: 'Ada' }, headers: { 'x-key': '••••••' }, queryParams: { q: 'Ada' } },
          result: {
            referenceId: expect.any(String),
            status: 200,
            data: expect.stringContaining('you sent'),
            error: false,
          },
          durationMs: expect.any(Number),
        },
      ],
      response: { status: 201, type: 'application/json', body: '["Ada"]' },
    });
    const { body: page } = await service.api.get(`/v1/locations/${locationId}/runs`);
    const shown = JSON.stringify([run, page]);
    for (const secret of [credential.slice(7), flow.token, 'key-Ada-7351'])
      expect(shown).not.toContain(secret);
  });

  it('lists runs newest first, in pages, by flow and by status', async () => {
    const locationId = await addLocation(service.api);
    const good = await makeFlow(service, { response: { body: 'x' } }, { locationId, name: 'good' });
    const bad = await makeFlow(service, { response: { body: '{x' } }, { locationId, name: 'bad' });
    for (const flow of [good, bad, good]) await flow.send();
    const list = async (query: string) =>
      (await service.api.get(`/v1/locations/${locationId}/runs${query}`)).body;
    const first = await list('?limit=2');
    expect(names(first)).toEqual(['good', 'bad']);
    expect(first.items[0]).not.toHaveProperty('input');
    const second = await list(`?limit=2&cursor=${first.nextCursor}`);
    expect(names(second)).toEqual(['good']);
    expect(second.nextCursor).toBeNull();
    expect(names(await list('?flow=bad'))).toEqual(['bad']);
    expect(names(await list('?status=failed'))).toEqual(['bad']);
    expect(names(await list('?status=queued'))).toEqual([]);
    expect((await service.api.get(`/v1/locations/${locationId}/runs?status=x`)).status).toBe(422);
  });

  it('runs a run again: on the same input, by the flow as it is now', async () => {
    const flow = await makeFlow(service, { response: { body: 'old {{ web1.n }}' } });
    await flow.send({ n: 1 }, { 'idempotency-key': 'x' });
    const [first] = await flow.runs();
    await service.api.put(flow.path, { status: 'live', response: { body: 'new {{ web1.n }}' } });
    const { status, body } = await service.api.post(
      `/v1/locations/${flow.locationId}/runs/${first.id}/rerun`,
    );
    expect(status).toBe(202);
    expect(body).toMatchObject({ source: 'rerun', rerunOf: first.id, status: 'queued' });
    const [, again] = await endedRuns(flow, 2);
    expect(again.response.body).toBe('new 1');
    expect((await flow.runs())[0]).toEqual(first);
  });

  it('runs none again while the flow is paused', async () => {
    const flow = await makeFlow(service, {});
    await flow.send();
    const [first] = await flow.runs();
    await service.api.put(flow.path, { status: 'paused' });
    const rerun = `/v1/locations/${flow.locationId}/runs/${first.id}/rerun`;
    const { status, body } = await service.api.post(rerun);
    expect([status, body.detail]).toEqual([409, 'The flow of this run is paused.']);
    expect(await flow.runs()).toHaveLength(1);
  });

  it('keeps the runs of a flow that is deleted', async () => {
    const flow = await makeFlow(service, {});
    await flow.send();
    await service.api.delete(flow.path);
    expect(await flow.runs()).toHaveLength(1);
  });

  it('forgets runs after their retention, but none that has not ended', async () => {
    const flow = await makeFlow(service, {});
    await flow.send({ n: 1 });
    await flow.send({ n: 2 });
    const [old] = await flow.runs();
    const db = connect(service.databaseUrl, { max: 1 });
    await db.$client`update runs set created_at = now() - interval '31 days' where id = ${old.id}`;
    await removeOldRuns(db, 30);
    await db.$client.end();
    expect((await flow.runs()).map((run) => run.input.event.n)).toEqual([2]);
  });
});

describe('hostile data', () => {
  it.each([
    ['a prototype', '{"__proto__":{"polluted":"yes"},"constructor":{"prototype":{"polluted":"yes"}}}'],
    ['half a surrogate pair', '{"a":"\\ud800"}'],
    ['NUL', '{"a":"x\\u0000y"}'],
    ['huge numbers', '{"a":1e400,"b":-1e400,"c":123456789012345678901234567890}'],
    ['200 levels', `${'['.repeat(200)}${']'.repeat(200)}`],
    ['many members', `{${Array.from({ length: 50_000 }, (_, n) => `"m${n}":${n}`).join()}}`],
  ])('in an event is stored, and comes back from a third party: %s', async (_, event) => {
    const receiver = await running(startReceiver());
    receiver.answerWith((_request, response) =>
      response.setHeader('content-type', 'application/json').end(event),
    );
    const locationId = await addLocation(service.api);
    await registerWebhook(service.api, locationId, 'w', { url: receiver.url });
    const steps = [{ ref: 'res1', trigger: 'w' }];
    const body = '{{ res1.a }}{{ web1.a }}{{ web1.polluted }}{{ polluted }}';
    const flow = await makeFlow(service, { steps, response: { body } }, { locationId });
    const said = await flow.send(event, { 'content-type': 'application/json' });
    expect([200, 500]).toContain(said.status);
    expect(said.text).not.toContain('yes');
    const [run] = await runsOf(service.api, locationId);
    expect(run.input.event).toEqual(JSON.parse(JSON.stringify(JSON.parse(event))));
    expect(run.endedAt).not.toBeNull();
    expect(Object.prototype).not.toHaveProperty('polluted');
  });

  it('in a form of very many names is read in no time', async () => {
    const flow = await makeFlow(service, { response: { body: 'read' } });
    const form = Array.from({ length: 120_000 }, (_, n) => `a${n}=${n % 9}`).join('&');
    const beganAt = performance.now();
    const said = await flow.send(form.slice(0, 1024 * 1024), {
      'content-type': 'application/x-www-form-urlencoded',
    });
    expect(said.text).toBe('read');
    expect(performance.now() - beganAt).toBeLessThan(10_000);
  });
});

const names = (page: { items: { flow: { name: string } }[] }) => page.items.map((run) => run.flow.name);

it('a run whose row somebody holds keeps no other from having its lease renewed, or from being given up', async () => {
  const flow = await makeFlow(service, { response: { body: 'ok' } });
  await Promise.all([flow.send({}), flow.send({})]);
  const [held, free] = (await flow.runs()).map(({ id }) => id);
  const db = connect(service.databaseUrl, { max: 2 });
  onTestFinished(() => disconnect(db));
  const { $client: sql } = db;
  const leasesOf = () => sql<{ isLong: boolean }[]>`
    select lease_until > now() + interval '10 seconds' as "isLong" from runs where id = ${free}`;
  await sql`update runs set status = 'running', lease_until = now() + interval '5 seconds' where id in ${sql([held, free])}`;
  await sql.begin(async (tx) => {
    await tx`select from runs where id = ${held} for update`;
    await renewLeases(db, [held, free]);
    expect(await leasesOf()).toEqual([{ isLong: true }]);
    await sql`update runs set lease_until = now() - interval '1 second' where id = ${free}`;
    await abandonRuns(db);
    expect(await sql`select status from runs where id = ${free}`).toEqual([{ status: 'abandoned' }]);
  });
});
