import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dumpDatabase, withSql } from '../db/dump.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { addLocation } from '../support/venue.ts';
import { makeFlow, registerWebhook, sendTo } from './flow.ts';

let service: TestService;
beforeAll(async () => {
  service = await startTestService();
});
afterAll(() => service.stop());

const emit = { uuid: '{{ web1.id }}', action: 'create', stations: 1, customerid: '{{ web1.customer }}' };

describe('a flow', () => {
  it('is put, read, listed by name, replaced and deleted', async () => {
    const locationId = await addLocation(service.api);
    const flows = `/v1/locations/${locationId}/flows`;
    const first = await service.api.put(`${flows}/b`, {});
    expect(first.body).toEqual({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      name: 'b',
      status: 'draft',
      async: false,
      auth: 'bearer',
      ref: 'web1',
      steps: [],
      response: { status: 200, body: '' },
      signingSecret: null,
      url: `/v1/flow-webhook/${first.body.id}`,
      tokenHint: `…${first.body.token.slice(-4)}`,
      token: expect.any(String),
      createdAt: expect.any(String),
      updatedAt: expect.any(String),
    });
    const { token: _, ...shown } = first.body;
    expect((await service.api.get(`${flows}/b`)).body).toEqual(shown);

    await service.api.put(`${flows}/a`, {});
    await service.api.put(`${flows}/c`, {});
    const page = await service.api.get(`${flows}?limit=2`);
    expect(page.body.items.map((flow: { name: string }) => flow.name)).toEqual(['a', 'b']);
    const rest = await service.api.get(`${flows}?limit=2&cursor=${page.body.nextCursor}`);
    expect(rest.body.items.map((flow: { name: string }) => flow.name)).toEqual(['c']);
    expect(rest.body.nextCursor).toBeNull();

    const replaced = await service.api.put(`${flows}/b`, { status: 'live', steps: [{ ref: 'e1', emit }] });
    expect(replaced.body).toMatchObject({ id: first.body.id, status: 'live', steps: [{ ref: 'e1', emit }] });
    expect(replaced.body).not.toHaveProperty('token');

    expect((await service.api.delete(`${flows}/b`)).status).toBe(204);
    expect((await service.api.get(`${flows}/b`)).status).toBe(404);
    expect((await service.api.delete(`${flows}/b`)).status).toBe(404);
  });

  it('is refused with every template that is broken, its line, and every webhook that is not registered', async () => {
    const locationId = await addLocation(service.api);
    await registerWebhook(service.api, locationId, 'known', { url: 'https://example.com/' });
    const path = `/v1/locations/${locationId}/flows/x`;
    const refused = await service.api.put(path, {
      steps: [
        { ref: 'a', trigger: 'nowhere', data: { deep: ['fine', '{% if %}'] }, headers: { 'x-a': '{{' } },
        { ref: 'b', trigger: 'known', queryParams: { q: 'one\ntwo\n{% endfor %}' } },
        { ref: 'c', trigger: 'missing' },
        { ref: 'd', emit: { ...emit, uuid: '{{ web1.' } },
      ],
      response: { body: 'fine so far\n{{ 1 + }}' },
    });
    expect(refused.status).toBe(422);
    const mistakes: { path: string; message: string }[] = refused.body.errors;
    expect(mistakes.map(({ path: where }) => where)).toEqual([
      'steps.0.data.deep.1',
      'steps.0.headers.x-a',
      'steps.1.queryParams.q',
      'steps.3.emit.uuid',
      'response.body',
      'steps.0.trigger',
      'steps.2.trigger',
    ]);
    expect(mistakes[2]?.message).toMatch(/^is not a template: .*\(line 3\)$/);
    expect(mistakes[4]?.message).toMatch(/\(line 2\)$/);
    expect(mistakes[5]?.message).toBe('there is no webhook nowhere at this location');
    expect((await service.api.get(path)).status).toBe(404);
  });

  const step = { ref: 'a', emit };
  it.each([
    ['a ref that is used twice', { steps: [step, step] }, 'steps'],
    ["a step with the flow's own ref", { ref: 'mine', steps: [{ ...step, ref: 'mine' }] }, 'steps'],
    ['a ref that templates know already', { steps: [{ ...step, ref: 'props' }] }, 'steps.0.ref'],
    ['a ref that is no name', { steps: [{ ...step, ref: 'a-b' }] }, 'steps.0.ref'],
    ['a ref that reaches for a prototype', { steps: [{ ...step, ref: '__proto__' }] }, 'steps.0.ref'],
    [
      'more than 10 steps',
      { steps: Array.from({ length: 11 }, (_, n) => ({ ...step, ref: `s${n}` })) },
      'steps',
    ],
    ['a step that does nothing', { steps: [{ ref: 'a' }] }, 'steps.0.trigger'],
    ['a step that does both', { steps: [{ ...step, trigger: 'x' }] }, 'steps.0'],
    ['a status below 200', { response: { status: 199 } }, 'response.status'],
    ['a status above 599', { response: { status: 600 } }, 'response.status'],
    ['an unknown status', { status: 'on' }, 'status'],
    ['a secret that is none', { signingSecret: 'hello' }, 'signingSecret'],
    [
      'data that is nested too deeply',
      { steps: [{ ref: 'a', trigger: 'x', data: nested(3000) }] },
      'steps.0.data',
    ],
  ])('is refused with %s', async (_, flow, where) => {
    const locationId = await addLocation(service.api);
    const refused = await service.api.put(`/v1/locations/${locationId}/flows/x`, flow);
    expect(refused.status).toBe(422);
    expect(refused.body.errors[0].path).toBe(where);
  });
});

describe('the token of a flow', () => {
  it('has more than 50 characters, is shown once, and is stored as its hash alone', async () => {
    const flow = await makeFlow(service, {});
    expect(flow.token.length).toBeGreaterThan(50);
    expect(flow.token).toMatch(/^flow_[A-Za-z0-9_-]+$/);
    expect(JSON.stringify((await service.api.get(flow.path)).body)).not.toContain(flow.token);
    await flow.send({ a: 1 });
    const dump = await dumpDatabase(service.databaseUrl);
    expect(dump).not.toContain(flow.token);
    expect(dump).toContain(createHash('sha256').update(flow.token).digest('hex'));
  });

  it('is rotated with an overlap, after which the old one is refused', async () => {
    const flow = await makeFlow(service, { response: { body: 'ran' } });
    const rotated = await service.api.post(`${flow.path}/rotate-token`);
    const statusWith = async (token: string) =>
      (await sendTo(flow.url, undefined, { authorization: `Bearer ${token}` })).status;
    expect(rotated.body.token).not.toBe(flow.token);
    expect(rotated.body.id).toBe(flow.id);
    expect([await statusWith(flow.token), await statusWith(rotated.body.token)]).toEqual([200, 200]);
    await withSql(
      service.databaseUrl,
      (sql) => sql`update flows set previous_token_until = now() where id = ${flow.id}`,
    );
    expect([await statusWith(flow.token), await statusWith(rotated.body.token)]).toEqual([401, 200]);
    const again = await service.api.post(`${flow.path}/rotate-token`, { overlapHours: 0 });
    expect([await statusWith(rotated.body.token), await statusWith(again.body.token)]).toEqual([401, 200]);
  });

  it('that is shown works, also when two make the flow at once', async () => {
    const locationId = await addLocation(service.api);
    const path = `/v1/locations/${locationId}/flows/raced`;
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => service.api.put(path, { status: 'live' })),
    );
    const shown = answers.flatMap(({ body }) => (body.token ? [body] : []));
    expect(shown).toHaveLength(1);
    const said = await sendTo(service.url + shown[0].url, {}, { authorization: `Bearer ${shown[0].token}` });
    expect(said.status).toBe(200);
  });
});

function nested(levels: number): unknown {
  return JSON.parse('['.repeat(levels) + ']'.repeat(levels));
}

describe('the status of a flow', () => {
  it('is changed by itself, and leaves everything else as it is', async () => {
    const flow = await makeFlow(service, { response: { body: 'hi' }, signingSecret: null });
    const { body: before } = await service.api.get(flow.path);
    const { status, body } = await service.api.patch(flow.path, { status: 'paused' });
    expect(status).toBe(200);
    expect(body).toEqual({ ...before, status: 'paused', updatedAt: expect.any(String) });
    expect((await flow.send()).text).toContain('biz_logic');
    await service.api.patch(flow.path, { status: 'live' });
    expect((await flow.send()).text).toBe('hi');
  });

  it('can be paused where the flow would not be taken any more', async () => {
    const locationId = await addLocation(service.api);
    await registerWebhook(service.api, locationId, 'w', { url: 'https://example.com/' });
    const flow = await makeFlow(service, { steps: [{ ref: 'a', trigger: 'w' }] }, { locationId });
    await service.api.delete(`/v1/locations/${locationId}/webhooks/w`);
    expect((await service.api.patch(flow.path, { status: 'paused' })).body.status).toBe('paused');
  });

  it('is one of three, of a flow that is there', async () => {
    const flow = await makeFlow(service, {});
    expect((await service.api.patch(flow.path, { status: 'off' })).status).toBe(422);
    expect((await service.api.patch(flow.path, {})).status).toBe(422);
    expect((await service.api.patch(`${flow.path}-2`, { status: 'live' })).status).toBe(404);
  });
});
