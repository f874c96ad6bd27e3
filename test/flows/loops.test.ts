import { afterAll, beforeAll, expect, it } from 'vitest';
import { markOf } from '../../src/flows/flows.ts';
import { withSql } from '../db/dump.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { until } from '../support/until.ts';
import { addLocation } from '../support/venue.ts';
import { makeFlow, registerWebhook, runsOf, type TestFlow } from './flow.ts';

let service: TestService;
beforeAll(async () => {
  service = await startTestService();
});
afterAll(() => service.stop());

/** What a flow says of the one it called. */
const relayed = { body: '{{ steps.next.status }} {{ next }}' };

/** Flows of which each calls the next by its URL, and the last one the first when it `closes`. */
async function chainFlows(
  names: string[],
  { closes = false, ...flow }: { closes?: boolean; async?: boolean },
) {
  const locationId = await addLocation(service.api);
  const flows: TestFlow[] = [];
  for (const name of names) flows.push(await makeFlow(service, flow, { locationId, name }));
  for (const [index, { path, name }] of flows.entries()) {
    const next = flows[index + 1] ?? (closes ? flows[0] : undefined);
    if (!next) {
      await service.api.put(path, { status: 'live', response: { body: 'the end' } });
      continue;
    }
    const headers = { authorization: `Bearer ${next.token}` };
    await registerWebhook(service.api, locationId, `to-${next.name}`, {
      url: next.url,
      method: 'POST',
      headers,
    });
    const steps = [{ ref: 'next', trigger: `to-${next.name}`, data: { from: name } }];
    await service.api.put(path, { status: 'live', ...flow, steps, response: relayed });
  }
  return { locationId, flows, first: flows[0] ?? Promise.reject(new Error('no flow')) };
}

it('a flow whose webhook points back at it is cut, and the loop is named', async () => {
  const { first, locationId } = await chainFlows(['a'], { closes: true });
  const said = await (await first).send({});
  expect(said.text).toMatch(/^508 /);
  const [outer, inner, ...more] = await runsOf(service.api, locationId);
  expect(more).toEqual([]);
  expect(outer).toMatchObject({ status: 'succeeded' });
  expect(outer.steps[0].result).toMatchObject({ status: 508, error: true });
  expect(inner).toMatchObject({
    status: 'failed',
    steps: [],
    error: { where: 'flow', message: 'The flows call each other in a loop: a -> a' },
  });
});

it('two flows that call each other are cut, and both are named', async () => {
  const { first, locationId } = await chainFlows(['a', 'b'], { closes: true });
  expect((await (await first).send({})).text).toContain('508');
  const runs = await runsOf(service.api, locationId);
  expect(runs.map((run) => [run.flow.name, run.status])).toEqual([
    ['a', 'succeeded'],
    ['b', 'succeeded'],
    ['a', 'failed'],
  ]);
  expect(runs[2].error.message).toBe('The flows call each other in a loop: a -> b -> a');
});

it.each([['a'], ['a', 'b']])('queued flows in a loop are cut as well: %s %s', async (...names) => {
  const { first, locationId } = await chainFlows(names.filter(Boolean), { closes: true, async: true });
  expect((await (await first).send({})).status).toBe(200);
  await until('all runs have ended', async () => {
    const runs = await runsOf(service.api, locationId);
    return runs.length > names.filter(Boolean).length && runs.every((run) => run.endedAt !== null);
  });
  const runs = await runsOf(service.api, locationId);
  expect(runs).toHaveLength(names.filter(Boolean).length + 1);
  expect(runs.at(-1)).toMatchObject({
    status: 'failed',
    error: { message: expect.stringContaining('a -> ') },
  });
  const open = await withSql(service.databaseUrl, (sql) => sql`select from runs where ended_at is null`);
  expect(open).toHaveLength(0);
});

it('a chain of six flows works, and the seventh is refused', async () => {
  const six = await chainFlows(['f1', 'f2', 'f3', 'f4', 'f5', 'f6'], {});
  expect((await (await six.first).send({})).text).toBe('200 200 200 200 200 the end');
  const seven = await chainFlows(['f1', 'f2', 'f3', 'f4', 'f5', 'f6', 'f7'], {});
  expect((await (await seven.first).send({})).text).toContain('508');
});

it('a sender who pretends to be in a loop is only refused itself', async () => {
  const { first, locationId } = await chainFlows(['a'], {});
  const flow = await first;
  expect((await flow.send({}, { 'bellhop-flows': markOf(flow.id) })).status).toBe(508);
  expect((await flow.send({}, { 'bellhop-flows': "no id, ' or 1=1, \u00e9" })).status).toBe(200);
  const elsewhere = await makeFlow(service, {}, { name: 'secret-name' });
  const chain = [elsewhere.id, flow.id].map(markOf).join(',');
  expect((await flow.send({}, { 'bellhop-flows': chain })).status).toBe(508);
  const runs = await runsOf(service.api, locationId);
  expect(JSON.stringify(runs)).not.toContain('secret-name');
});
