import { EventEmitter, once } from 'node:events';
import { randomUUID } from 'node:crypto';
import { expect, it } from 'vitest';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { adminKey } from '../support/service.ts';
import { running, setStage } from '../support/stage.ts';
import { until } from '../support/until.ts';
import { addEndpoint, addLocation, handOver, newEvents } from '../support/venue.ts';
import { createVisitor, type Visitor } from '../support/visitor.ts';

const fail: Parameters<Receiver['answerWith']>[0] = (_request, response) => response.writeHead(500).end();

/** A venue where deliveries of 1, 2, 3 ... events failed. */
async function setScene(deliveries = 3, more: Record<string, string> = {}) {
  const stage = await setStage();
  const receiver = await running(startReceiver());
  receiver.answerWith(fail);
  const service = await stage.start(more);
  const { api, url } = service;
  const location = await addLocation(api);
  const endpoint = await addEndpoint(api, location, receiver.url);
  for (let n = 1; n <= deliveries; n += 1) {
    await handOver(api, newEvents(location, n));
    await stage.ledger.ended(location, n);
  }
  const visitor = createVisitor(url);
  await visitor.signIn(adminKey);
  return { stage, receiver, service, location, endpoint, visitor, path: `/locations/${location}` };
}

const always = { from: '2020-01-01T00:00', to: '2099-01-01T00:00', zone: 'Europe/Berlin' };

function textOf(html: string): string {
  return html.replaceAll(/<[^>]*>/g, ' ').replaceAll(/\s+/g, ' ');
}

/** The hidden fields of the last form that leads to `action`, as its button sends them. */
function fieldsOf(html: string, action: string): Record<string, string[]> {
  const form = html.slice(html.lastIndexOf(`action="${action}"`));
  const fields: Record<string, string[]> = {};
  for (const [, name = '', value = ''] of form.matchAll(/<input type="hidden" name="(\w+)" value="([^"]*)"/g))
    fields[name] = [...(fields[name] ?? []), value];
  return fields;
}

async function count(visitor: Visitor, path: string, values: Record<string, string>, outcomes: string[]) {
  const query = new URLSearchParams(values);
  for (const outcome of outcomes) query.append('outcomes', outcome);
  return visitor.get(`${path}/resend?${query.toString()}`);
}

it('the form begins with what did not arrive, at the first webhook, and sends nothing', async () => {
  const { visitor, path, endpoint } = await setScene(0);
  const { status, html } = await visitor.get(`${path}/resend`);
  expect(status).toBe(200);
  expect(html).toContain(`<option value="${endpoint.id}" selected="">`);
  const boxes = [...html.matchAll(/name="outcomes" value="(\w+)"( checked="")?/g)].map(([, name, on]) => [
    name,
    Boolean(on),
  ]);
  expect(boxes).toEqual([
    ['failed', true],
    ['timed_out', true],
    ['abandoned', true],
    ['delivered', false],
  ]);
});

it('says that there is no webhook to send to', async () => {
  const { service, visitor } = await setScene(0);
  const { html } = await visitor.get(`/locations/${await addLocation(service.api)}/resend`);
  expect(textOf(html)).toContain('No webhooks yet');
});

it('a range is counted, confirmed, and watched until all have ended', async () => {
  const { visitor, path, endpoint, receiver, stage, location } = await setScene();
  const counted = await count(visitor, path, { ...always, endpointId: endpoint.id }, ['failed']);
  expect(textOf(counted.html)).toMatch(/3 deliveries with 6 events will be sent again to 127\.0\.0\.1:\d+/);
  expect(textOf(counted.html)).toContain('Resend 3 deliveries');
  expect(await stage.ledger.deliveries(location)).toHaveLength(3);

  const signals = new EventEmitter();
  const released = once(signals, 'release');
  receiver.answerWith(async (request, response) => {
    if (request.headers['bellhop-sequence'] === '2-3') await released;
    response.writeHead(204).end();
  });
  const begun = await visitor.post(`${path}/resend`, fieldsOf(counted.html, `${path}/resend`));
  expect(begun.status).toBe(303);
  const watch = begun.location ?? '';
  expect(watch).toMatch(new RegExp(`^${path}/resends/[0-9a-f-]{36}$`));
  await receiver.received(5);
  const midway = await until('the first is on record', async () => {
    const { html } = await visitor.get(watch, { 'hx-request': 'true' });
    return html.includes('<progress value="1" max="3"') && html;
  });
  expect(midway).toMatch(
    /^<section id="resend-progress"[^>]* hx-get="[^"]+" hx-trigger="every 1s" hx-swap="outerHTML">/,
  );
  expect(textOf(midway)).toMatch(
    /1 of 3 deliveries sent again , with 6 events.*Waiting 1 Sending 1 Delivered 1 Failed 0/,
  );
  expect(midway).toMatch(/<noscript><meta http-equiv="refresh"[^>]*\/?><a /);

  signals.emit('release');
  await stage.ledger.ended(location, 6);
  const { html, status } = await visitor.get(watch);
  expect(status).toBe(200);
  expect(textOf(html)).toMatch(/All have ended: 3 of 3 deliveries sent again.*Delivered 3/);
  expect(html).not.toContain('every 1s');
  expect(html).not.toContain('http-equiv="refresh"');
  expect(html).not.toContain('/stop"');
});

it('what is confirmed is what was counted, in the zone that was typed in', async () => {
  const { visitor, path, endpoint } = await setScene(1);
  const range = {
    from: '2026-07-01T12:00',
    to: '2099-01-01T00:00',
    zone: 'Europe/Berlin',
    endpointId: endpoint.id,
  };
  const { html } = await count(visitor, path, range, ['failed', 'timed_out']);
  expect(fieldsOf(html, `${path}/resend`)).toMatchObject({
    endpointId: [endpoint.id],
    from: ['2026-07-01T10:00:00.000Z'],
    to: ['2098-12-31T23:00:00.000Z'],
    outcomes: ['failed', 'timed_out'],
  });
});

it('says that there is nothing to send, and at which field something is wrong', async () => {
  const { visitor, path, endpoint } = await setScene(1);
  const range = { ...always, endpointId: endpoint.id };
  const none = await count(visitor, path, range, ['delivered']);
  expect(textOf(none.html)).toContain('There is nothing to send again');
  const empty = await count(visitor, path, { ...range, from: '' }, []);
  expect(empty.status).toBe(422);
  expect(empty.html).toMatch(/<input id="from"[^>]*aria-invalid="true"[^>]*autofocus/);
  expect(textOf(empty.html)).toMatch(/It must be a time like .*It must name at least one outcome\./);
  expect(empty.html).toMatch(/name="to"[^>]*value="2099-01-01T00:00"/);
  const unknown = await count(visitor, path, { ...range, endpointId: randomUUID() }, ['failed']);
  expect([unknown.status, textOf(unknown.html)]).toEqual([
    422,
    expect.stringContaining('There is no endpoint'),
  ]);
  const begun = await visitor.post(`${path}/resend`, { ...range, outcomes: ['delivered'] });
  expect(begun.location).toBe(`${path}/resend`);
});

it('what still waits is stopped, and nothing of it is sent', async () => {
  const { path, endpoint, stage, location, service } = await setScene();
  await service.stop();
  const idle = await stage.start({ ROLE: 'api' });
  const there = createVisitor(idle.url);
  await there.signIn(adminKey);
  await there.get(`${path}/resend`);
  const begin = async () =>
    (await there.post(`${path}/resend`, { ...always, endpointId: endpoint.id, outcomes: ['failed'] }))
      .location ?? '';
  const [first, second] = [await begin(), await begin()];
  const id = first.split('/').at(-1) ?? '';
  await stage.sql`
    update deliveries set started_at = now()
    where id = (select id from deliveries where range_id = ${id} order by id limit 1)`;
  expect((await there.get(first)).html).toContain(`action="${first}/stop"`);
  const stopped = await there.post(`${first}/stop`);
  expect(stopped.location).toBe(first);
  const after = await there.get(first);
  expect(textOf(after.html)).toContain('2 deliveries that still waited will not be sent again.');
  expect(textOf(after.html)).toContain('Waiting 0 Sending 1');
  // When none had begun, there is nothing left to look at.
  expect((await there.post(`${second}/stop`)).location).toBe(`${path}/deliveries`);
  expect((await there.get(second)).status).toBe(404);
  expect(await stage.ledger.deliveries(location)).toHaveLength(4);
});
