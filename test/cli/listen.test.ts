import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { createTracker, verify } from '../../src/kit/receiver.ts';
import { otherSecret, secret, signDelivery } from '../kit/signed.ts';
import { startReceiver } from '../support/receiver.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { running, setStage } from '../support/stage.ts';
import { until } from '../support/until.ts';
import { addLocation, addVenue, handOver, newEvent } from '../support/venue.ts';
import { at, startBellhop } from './bellhop.ts';

// Each process of its own takes a while on a machine that is busy.
vi.setConfig({ testTimeout: 120_000 });

let service: TestService;
beforeAll(async () => {
  service = await startTestService();
});
afterAll(() => service.stop());

/** A listener of its own. @returns also how to post to it. */
async function listen(...args: string[]) {
  const bellhop = startBellhop(['listen', '--port', '0', ...args]);
  const [, url = ''] = await bellhop.said(/(?:Listening on |"listening","url":")(http[\d.:/]+)/);
  const post = (request: { headers: Record<string, string>; body: string }) =>
    fetch(url, { method: 'POST', ...request });
  return { ...bellhop, url, post };
}

it('a registered listener gets what its location is sent, forwards it to the byte, and leaves nothing behind', async () => {
  const target = await running(startReceiver());
  const location = await addLocation(service.api, 'Kamen\u001b[2J');
  const bellhop = startBellhop(
    [
      'listen',
      '--register',
      '--location',
      location,
      '--port',
      '0',
      '--forward-to',
      `${target.url}/hooks?a=b`,
    ],
    at(service.api),
  );
  await bellhop.said(/Made the endpoint/);
  const endpoints = `/v1/locations/${location}/endpoints`;
  expect((await service.api.get(endpoints)).body.items).toMatchObject([
    { description: 'Temporary: bellhop listen' },
  ]);
  const event = newEvent(location);
  await handOver(service.api, event);
  await bellhop.said(
    new RegExp(
      `${location}  1-1  ✓ signature valid  answered 204\\n  create  ${event.uuid}  Kamen\\\\u001b\\[2J  1 station  customer 7685`,
    ),
  );
  await bellhop.said(/→ http.*\/hooks\?a=b {2}204 in \d+ ms/);
  const [request] = target.requests;
  const { body: delivery } = await service.api.get(`/v1/locations/${location}/deliveries`);
  const sent = await service.api.get(`/v1/locations/${location}/deliveries/${delivery.items[0].id}`);
  expect(request?.body).toBe(sent.body.body);
  expect(request?.headers).toMatchObject(sent.body.requestHeaders);
  expect(request).toMatchObject({ method: 'POST', url: '/hooks?a=b' });
  bellhop.child.kill('SIGINT');
  expect(await bellhop.ended).toMatchObject({
    code: 0,
    stderr: expect.stringContaining('Removed the endpoint'),
  });
  expect((await service.api.get(endpoints)).body.items).toEqual([]);
});

it('tells signed from unsigned, gaps and duplicates, in lines of JSON', async () => {
  const target = await running(startReceiver());
  const bellhop = await listen('--secret', secret, '--json', '--forward-to', target.url);
  expect((await bellhop.post(signDelivery())).status).toBe(204);
  expect((await bellhop.post(signDelivery({ secrets: [otherSecret] }))).status).toBe(401);
  expect((await bellhop.post({ ...signDelivery(), body: '[{"uuid":"x"}]' })).status).toBe(401);
  expect((await bellhop.post(signDelivery())).status).toBe(204);
  expect((await bellhop.post({ headers: {}, body: 'x'.repeat(2 ** 20 + 1) })).status).toBe(413);
  expect((await fetch(bellhop.url)).status).toBe(405);
  await target.received(2);
  await bellhop.said(/Expected a POST/);
  const lines = bellhop.printed.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const deliveries = lines.filter(({ type }) => type === 'delivery');
  expect(deliveries.map(({ signature, answered, arrival }) => [signature, answered, arrival])).toEqual([
    ['valid', 204, 'new'],
    ['invalid', 401, undefined],
    ['invalid', 401, undefined],
    ['valid', 204, 'duplicate'],
    ['invalid', 413, undefined],
    ['invalid', 405, undefined],
  ]);
  // What is not signed is not forwarded; what is, can be verified again.
  expect(target.requests).toHaveLength(2);
  await expect(verify(target.requests[0] ?? { headers: {}, body: '' }, secret)).resolves.toMatchObject({});
});

it('without a secret it says that nothing is checked, and shows what is no batch without its control characters', async () => {
  const bellhop = await listen();
  expect(bellhop.printed.stderr).toContain('without a --secret: signatures are not checked');
  const headers = { 'bellhop-location': 'a', 'bellhop-sequence': '1-1' };
  const event = {
    uuid: '\u001b[2J\n✓ signature valid',
    action: 'create',
    location: 'x',
    stations: 1,
    customerid: 1,
  };
  expect((await bellhop.post({ headers, body: JSON.stringify([event]) })).status).toBe(204);
  await bellhop.said(/signature not checked/);
  await bellhop.said(/create {2}\\u001b\[2J\\u000a✓/);
  expect(bellhop.printed.stdout).not.toContain('\u001b');
});

it('says what to do when the port is taken, and when Bellhop may not send to this machine', async () => {
  const other = await running(startReceiver());
  const taken = await startBellhop(['listen', '--port', String(other.port)]).ended;
  expect(taken).toMatchObject({ code: 1, stderr: expect.stringContaining('Choose another one by --port.') });
  const strict = await running(startTestService({ DELIVERY_ALLOW_CIDRS: '' }));
  const location = await addLocation(strict.api);
  const args = ['listen', '--register', '--location', location, '--port', '0'];
  const refused = await startBellhop(args, at(strict.api)).ended;
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain('DELIVERY_ALLOW_CIDRS=127.0.0.0/8');
});

it('a target that is not there is told, and the listener goes on', async () => {
  const target = await startReceiver();
  await target.stop();
  const bellhop = await listen('--secret', secret, '--forward-to', target.url);
  await bellhop.post(signDelivery());
  await bellhop.said(/→ \S+ {2}connect ECONNREFUSED/);
  expect((await bellhop.post(signDelivery())).status).toBe(204);
  await bellhop.said(/seen before: a duplicate/);
  bellhop.child.kill('SIGTERM');
  expect((await bellhop.ended).code).toBe(0);
});

it('--follow shows deliveries as they end, over a restart of the service, each once', async () => {
  const stage = await setStage();
  const receiver = await running(startReceiver());
  const first = await stage.start();
  const location = await addVenue(first.api, receiver.url);
  const port = new URL(first.url).port;
  const args = ['deliveries', '--location', location, '--follow', '--json'];
  const bellhop = startBellhop(args, at(first.api));
  // It watches once it shows one: what ended before is not shown.
  await until('it shows one', async () => {
    await handOver(first.api, newEvent(location));
    return bellhop.printed.stdout.includes('"outcome":"delivered"');
  });
  await first.stop();
  const second = await stage.start({ PORT: port });
  await handOver(second.api, newEvent(location));
  const shown = () =>
    bellhop.printed.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
  const ended = await stage.ledger.settled().then(() => stage.ledger.deliveries(location));
  const newest = Math.max(...ended.map(({ lastSequence }) => lastSequence));
  await until('it shows the newest', async () => shown().some(({ lastSequence }) => lastSequence === newest));
  // What ended just as it began to watch may be shown late.
  const inOrder = shown().toSorted((a, b) => a.firstSequence - b.firstSequence);
  const tracker = createTracker();
  for (const { firstSequence, lastSequence } of inOrder) {
    const arrival = await tracker.note({
      locationId: location,
      sequence: { first: firstSequence, last: lastSequence },
    });
    expect(arrival).toEqual({ kind: 'new', gap: null });
  }
  bellhop.child.kill('SIGINT');
  expect((await bellhop.ended).code).toBe(0);
});
