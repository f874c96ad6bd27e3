import { describe, expect, it } from 'vitest';
import { holdAnswers } from '../support/arrivals.ts';
import { startReceiver } from '../support/receiver.ts';
import { running, setStage, type Stage } from '../support/stage.ts';
import { until } from '../support/until.ts';
import { addLocation } from '../support/venue.ts';
import { endedRuns, makeFlow, registerWebhook, runsOf } from './flow.ts';

/** A location with an async flow that asks a receiver, which answers only when it is told to. */
async function makeQueue(service: Parameters<typeof makeFlow>[0]) {
  const receiver = await running(startReceiver());
  const { answer, release } = holdAnswers();
  receiver.answerWith(answer);
  const locationId = await addLocation(service.api);
  await registerWebhook(service.api, locationId, 'slow', { url: receiver.url, timeoutMs: 30_000 });
  const steps = [{ ref: 'res1', trigger: 'slow', data: '{{ web1.n }}' }];
  const flow = await makeFlow(service, { async: true, steps, response: { body: 'done' } }, { locationId });
  const answerAtOnce = () => {
    receiver.answerWith((_request, response) => response.end());
    release();
  };
  return { receiver, flow, answerAtOnce };
}

/** As if the time of every lease was over. */
const endLeases = ({ sql }: Stage) =>
  sql`update runs set lease_until = now() - interval '1 second' where status = 'running'`;

describe('an async flow', () => {
  it('is answered at once, on record before that, and runs while its caller has gone', async () => {
    const stage = await setStage();
    const service = await stage.start();
    const { receiver, flow, answerAtOnce } = await makeQueue(service);
    const said = await flow.send({ n: 1 });
    expect(said.status).toBe(200);
    const { runId } = JSON.parse(said.text);
    expect(said.text).toBe(JSON.stringify({ runId }));
    await receiver.received(1);
    const path = `/v1/locations/${flow.locationId}/runs/${runId}`;
    expect((await service.api.get(path)).body).toMatchObject({ status: 'running', endedAt: null });
    answerAtOnce();
    const [run] = await endedRuns(flow, 1);
    expect(run).toMatchObject({ id: runId, status: 'succeeded', response: { body: 'done' } });
  });

  it('is durably queued before it is answered, where nobody works on the queue', async () => {
    const stage = await setStage();
    const api = await stage.start({ ROLE: 'api' });
    const { receiver, flow, answerAtOnce } = await makeQueue(api);
    const { runId } = JSON.parse((await flow.send({ n: 1 })).text);
    const rows = await stage.sql`select status, started_at from runs where id = ${runId}`;
    expect([...rows]).toEqual([{ status: 'queued', started_at: null }]);
    expect(receiver.requests).toEqual([]);
    answerAtOnce();
    await stage.start({ ROLE: 'dispatcher' });
    expect((await endedRuns(flow, 1))[0]).toMatchObject({ id: runId, status: 'succeeded' });
  });

  it('does not wait for those of another location, whose third parties hang', async () => {
    const stage = await setStage();
    const service = await stage.start();
    const slow = await makeQueue(service);
    for (let n = 0; n < 40; n += 1) await slow.flow.send({ n });
    await slow.receiver.received(16);
    const quick = await makeFlow(service, { async: true, response: { body: 'quick' } });
    await quick.send();
    expect((await endedRuns(quick, 1))[0]).toMatchObject({ status: 'succeeded' });
    expect(slow.receiver.requests.length).toBeLessThan(40);
    slow.answerAtOnce();
    await endedRuns(slow.flow, 40);
    expect(new Set(slow.receiver.requests.map(({ body }) => body)).size).toBe(40);
  });

  it('says so when it was deleted before its run began', async () => {
    const stage = await setStage();
    const api = await stage.start({ ROLE: 'api' });
    const { flow } = await makeQueue(api);
    await flow.send({ n: 1 });
    await api.api.delete(flow.path);
    await stage.start({ ROLE: 'dispatcher' });
    const [run] = await endedRuns(flow, 1);
    expect(run).toMatchObject({ status: 'failed', error: { where: 'flow' } });
    expect((await api.api.post(`/v1/locations/${flow.locationId}/runs/${run.id}/rerun`)).status).toBe(409);
  });
});

describe('a queued run', () => {
  it('survives a crash, and is executed once', async () => {
    const stage = await setStage();
    const first = await stage.spawn({ ROLE: 'api' });
    const { receiver, flow, answerAtOnce } = await makeQueue(first);
    answerAtOnce();
    await Promise.all([1, 2, 3].map((n) => flow.send({ n })));
    await first.end('SIGKILL');
    expect(receiver.requests).toEqual([]);
    const second = await stage.start();
    const runs = () => runsOf(second.api, flow.locationId);
    expect((await endedRuns({ runs }, 3)).map((run) => run.status)).toEqual(Array(3).fill('succeeded'));
    expect(receiver.requests.map(({ body }) => body).toSorted()).toEqual(['1', '2', '3']);
  });

  it('is executed by one of several processes', async () => {
    const stage = await setStage();
    const one = await stage.start();
    await stage.spawn({ ROLE: 'dispatcher' });
    await stage.start();
    const { receiver, flow, answerAtOnce } = await makeQueue(one);
    answerAtOnce();
    await Promise.all(Array.from({ length: 60 }, (_, n) => flow.send({ n })));
    const runs = await endedRuns(flow, 60);
    expect(runs.every((run) => run.status === 'succeeded')).toBe(true);
    expect(receiver.requests).toHaveLength(60);
    expect(new Set(receiver.requests.map(({ body }) => body)).size).toBe(60);
  });
});

describe('a run that a crash cut off', () => {
  it.each([true, false])('is abandoned, and executed again only by hand (async: %s)', async (isAsync) => {
    const stage = await setStage();
    const first = await stage.spawn();
    const { receiver, flow, answerAtOnce } = await makeQueue(first);
    const { body: settings } = await first.api.get(flow.path);
    await first.api.put(flow.path, { ...settings, async: isAsync });
    const sent = flow.send({ n: 1 }).catch(() => null);
    await receiver.received(1);
    await first.end('SIGKILL');
    await sent;
    answerAtOnce();

    const second = await stage.start();
    const runs = () => runsOf(second.api, flow.locationId);
    const [before] = await runs();
    expect(before).toMatchObject({ status: 'running' });
    await endLeases(stage);
    const [run] = await endedRuns({ runs }, 1);
    expect(run).toMatchObject({ status: 'abandoned', response: null });
    expect(receiver.requests).toHaveLength(1);

    const again = await second.api.post(`/v1/locations/${flow.locationId}/runs/${run.id}/rerun`);
    expect(again.status).toBe(202);
    expect(again.body).toMatchObject({ source: 'rerun', rerunOf: run.id });
    await until('the run by hand has ended', async () => (await endedRuns({ runs }, 2)).length === 2);
    expect((await runs()).map(({ status }) => status)).toEqual(['abandoned', 'succeeded']);
    expect(receiver.requests).toHaveLength(2);
  });
});
