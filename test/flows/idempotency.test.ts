import { randomUUID } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect } from '../../src/db/client.ts';
import { createSecret } from '../../src/delivery/signature.ts';
import { removeOldRuns } from '../../src/flows/run.ts';
import { withSql } from '../db/dump.ts';
import { holdAnswers } from '../support/arrivals.ts';
import { startReceiver } from '../support/receiver.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { running } from '../support/stage.ts';
import { addLocation } from '../support/venue.ts';
import { boundTo, makeFlow, registerWebhook, sendTo, type TestFlow } from './flow.ts';

let service: TestService;
beforeAll(async () => {
  service = await startTestService();
});
afterAll(() => service.stop());

const echo = { response: { status: 201, body: '{"got": "{{ web1.n }}"}' } };

describe.each(['idempotency-key', 'webhook-id'])('a request that comes again with the same %s', (header) => {
  it('is answered as the first one, and runs once', async () => {
    const flow = await makeFlow(service, echo);
    const first = await flow.send({ n: 1 }, { [header]: 'a b' });
    const again = await flow.send({ n: 2 }, { [header]: 'a b' });
    expect([first.status, first.text]).toEqual([201, '{"got": "1"}']);
    expect([again.status, again.text]).toEqual([201, '{"got": "1"}']);
    expect(again.headers.get('content-type')).toBe(first.headers.get('content-type'));
    expect((await flow.send({ n: 3 }, { [header]: 'other' })).text).toBe('{"got": "3"}');
    expect((await flow.send({ n: 4 })).text).toBe('{"got": "4"}');
    expect(await flow.runs()).toHaveLength(3);
  });

  it('gets the same run when the flow is async', async () => {
    const flow = await makeFlow(service, { ...echo, async: true });
    const answers = await Promise.all([1, 2, 3].map((n) => flow.send({ n }, { [header]: 'x' })));
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    expect(await flow.runs()).toHaveLength(1);
  });

  it('is told of the failure again', async () => {
    const flow = await makeFlow(service, { response: { body: '{"a": {{ web1.n }}}' } });
    const said = [
      await flow.send({ n: 'x' }, { [header]: 'x' }),
      await flow.send({ n: 1 }, { [header]: 'x' }),
    ];
    expect(said.map(({ status }) => status)).toEqual([500, 500]);
    expect(await flow.runs()).toHaveLength(1);
  });
});

describe('the name of a request', () => {
  it('lets one of many at once run, and the others wait or get its answer', async () => {
    const receiver = await running(startReceiver());
    const { answer, release } = holdAnswers();
    receiver.answerWith(answer);
    const locationId = await addLocation(service.api);
    await registerWebhook(service.api, locationId, 'slow', { url: receiver.url });
    const steps = [{ ref: 'res1', trigger: 'slow' }];
    const flow = await makeFlow(service, { ...echo, steps }, { locationId });
    const all = Array.from({ length: 8 }, (_, n) => flow.send({ n }, { 'idempotency-key': 'x' }));
    await receiver.received(1);
    const others = await Promise.any(all);
    expect(others.status).toBe(409);
    expect(others.headers.get('retry-after')).toBe('1');
    release();
    const statuses = (await Promise.all(all)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 201).length).toBeGreaterThan(0);
    expect(statuses.filter((status) => status !== 201 && status !== 409)).toEqual([]);
    expect(receiver.requests).toHaveLength(1);
    expect(await flow.runs()).toHaveLength(1);
  });

  it('means nothing to another flow, another location, or another URL of the same flow', async () => {
    const locationId = await addLocation(service.api);
    const response = { body: '{{ props.who }}{{ web1.n }}' };
    const one = await makeFlow(service, { response }, { locationId, name: 'one' });
    const two = await makeFlow(service, { response }, { locationId, name: 'two' });
    const elsewhere = await makeFlow(service, { response }, { name: 'one' });
    const app = await boundTo(service.api, locationId);
    const { body: location } = await service.api.get(`/v1/locations/${locationId}`);
    const urls = [one.url, two.url, elsewhere.url];
    for (const who of ['a', 'b']) {
      const { body } = await app.post('/app/webhooks', { action: 'one', props: { who } });
      urls.push(`${service.url}/apps/${location.uuid}/webhooks/${body.uuid}`);
    }
    const tokens = [one.token, two.token, elsewhere.token, '', ''];
    const said: string[] = [];
    for (const [n, url] of urls.entries()) {
      const headers = { 'idempotency-key': 'same', authorization: `Bearer ${tokens[n]}` };
      said.push((await sendTo(url, { n }, headers)).text);
    }
    expect(said).toEqual(['0', '1', '2', 'a3', 'b4']);
  });

  it.each(['', 'x'.repeat(256), 'caf\u00e9'])('is refused when it is "%s"', async (key) => {
    const flow = await makeFlow(service, {});
    expect((await flow.send({}, { 'idempotency-key': key })).status).toBe(422);
    expect(await flow.runs()).toEqual([]);
  });

  it('is kept for 24 hours', async () => {
    const flow = await makeFlow(service, echo);
    await flow.send({ n: 1 }, { 'idempotency-key': 'x' });
    const db = connect(service.databaseUrl, { max: 1 });
    const age = (interval: string) =>
      db.$client`update runs set created_at = now() - ${interval}::interval where flow_id = ${flow.id}`;
    await age('23 hours 59 minutes');
    await removeOldRuns(db, 30);
    expect((await flow.send({ n: 2 }, { 'idempotency-key': 'x' })).text).toBe('{"got": "1"}');
    await age('24 hours 1 minute');
    await removeOldRuns(db, 30);
    await db.$client.end();
    expect((await flow.send({ n: 2 }, { 'idempotency-key': 'x' })).text).toBe('{"got": "2"}');
  });
});

describe('a flow whose sender signs', () => {
  const secret = createSecret();
  const signed = (body: string, { id = 'msg_1', at = new Date(), by = secret } = {}) => ({
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
    'webhook-signature': new Webhook(by).sign(id, at, body),
    'content-type': 'application/json',
  });
  const body = '{"n": "1"}';
  const make = () => makeFlow(service, { ...echo, signingSecret: secret });

  it('runs what is signed, also among other signatures', async () => {
    const flow = await make();
    expect((await flow.send(body, signed(body))).text).toBe('{"got": "1"}');
    const two = signed(body, { id: 'msg_2' });
    const many = `v1a,xyz v1,${'A'.repeat(43)}= ${two['webhook-signature']}`;
    expect((await flow.send(body, { ...two, 'webhook-signature': many })).status).toBe(201);
  });

  it.each<[string, () => Record<string, string>]>([
    ['nothing', () => ({})],
    ['another secret', () => signed(body, { by: createSecret() })],
    ['another body', () => signed(`${body} `)],
    ['another id', () => ({ ...signed(body), 'webhook-id': 'msg_2' })],
    ['a time more than 5 minutes ago', () => signed(body, { at: minutesAgo(6) })],
    ['a time more than 5 minutes ahead', () => signed(body, { at: minutesAgo(-6) })],
    ['a time that is none', () => ({ ...signed(body), 'webhook-timestamp': 'NaN' })],
    [
      'another time',
      () => ({ ...signed(body), 'webhook-timestamp': String(Math.floor(Date.now() / 1000) - 9) }),
    ],
    ['an empty signature', () => ({ ...signed(body), 'webhook-signature': '' })],
    ['half a signature', () => ({ ...signed(body), 'webhook-signature': 'v1,' })],
  ])('refuses what is signed with %s', async (_, headers) => {
    const flow = await make();
    const said = await flow.send(body, { 'content-type': 'application/json', ...headers() });
    expect(said.status).toBe(401);
    expect(await flow.runs()).toEqual([]);
  });

  it('runs a recorded request once, whatever its sender calls it', async () => {
    const flow = await make();
    const headers = signed(body);
    await flow.send(body, { ...headers, 'idempotency-key': randomUUID() });
    await flow.send(body, { ...headers, 'idempotency-key': randomUUID() });
    expect(await flow.runs()).toHaveLength(1);
  });

  it('shows its secret nowhere, keeps it by its mask, and forgets it without', async () => {
    const flow = await make();
    const shown = await service.api.get(flow.path);
    expect(shown.body.signingSecret).toBe('••••••');
    const stored = () =>
      withSql(service.databaseUrl, (sql) => sql`select signing_secret as s from flows where id = ${flow.id}`);
    expect((await stored())[0]?.['s']).not.toContain(secret.slice(6, 20));
    await put(flow, { signingSecret: shown.body.signingSecret });
    expect((await flow.send(body)).status).toBe(401);
    await put(flow, {});
    expect((await stored())[0]?.['s']).toBeNull();
    expect((await flow.send(body)).status).toBe(201);
  });
});

const minutesAgo = (minutes: number) => new Date(Date.now() - minutes * 60_000);

const put = (flow: TestFlow, more: object) =>
  service.api.put(flow.path, { status: 'live', ...echo, ...more });
