import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, onTestFinished, vi } from 'vitest';
import { startReceiver } from '../support/receiver.ts';
import { newLocationId, startTestService, type TestService } from '../support/service.ts';
import { running } from '../support/stage.ts';
import { until } from '../support/until.ts';
import { addEndpoint, addLocation, addVenue, handOver, newEvent, newEvents } from '../support/venue.ts';
import { at, runBellhop, startBellhop, startOnTerminal } from './bellhop.ts';

// Each process of its own takes a while on a machine that is busy.
vi.setConfig({ testTimeout: 120_000 });

let service: TestService;
beforeAll(async () => {
  service = await startTestService();
});
afterAll(() => service.stop());

/** Runs a command against the service, and parses what it prints. */
async function json(args: string[], input?: string) {
  const { code, stdout, stderr } = await runBellhop([...args, '--json'], at(service.api), input);
  return { code, answer: JSON.parse(stdout || stderr) };
}

it('locations are made, listed and deleted, the last not without being asked', async () => {
  const id = newLocationId();
  const made = await json(['locations', 'put', id, '--title', 'Kamen\u001b[2J']);
  expect(made).toMatchObject({ code: 0, answer: { id, title: 'Kamen\u001b[2J' } });
  const list = await runBellhop(['locations', 'list', '--query', id], at(service.api));
  expect(list.stdout).toBe(`ID              TITLE\n${id}  Kamen\\u001b[2J\n`);
  const refused = await runBellhop(['locations', 'delete', id], at(service.api));
  expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining('give --yes')]);
  expect((await json(['locations', 'delete', id, '--yes'])).answer).toEqual({ deleted: id });
  expect((await service.api.get(`/v1/locations/${id}`)).status).toBe(404);
});

it('on a terminal a question is asked, and only yes is yes', async () => {
  const location = await addLocation(service.api);
  for (const { typed, status } of [
    { typed: '\n', status: 200 },
    { typed: 'y\n', status: 404 },
  ]) {
    const bellhop = startOnTerminal(['locations', 'delete', location], at(service.api));
    await bellhop.said(/\[y\/N\] /);
    bellhop.child.stdin?.write(typed);
    expect((await bellhop.ended).code).toBe(status === 404 ? 0 : 1);
    expect((await service.api.get(`/v1/locations/${location}`)).status).toBe(status);
  }
});

it('a key is shown once, alone on standard output, does what its scopes say, and is revoked', async () => {
  const made = await runBellhop(
    ['keys', 'create', '--name', 'Core app', '--scope', 'events:write'],
    at(service.api),
  );
  expect(made.stdout).toMatch(/^bellhop_[\w-]{43}\n$/);
  const key = made.stdout.trim();
  const [, id = ''] = /Made the key ([\w-]+)/.exec(made.stderr) ?? [];
  const list = await runBellhop(['keys', 'list'], at(service.api));
  expect(list.stdout).toContain('Core app');
  expect(list.stdout).not.toContain(key);

  const folder = await mkdtemp(join(tmpdir(), 'bellhop-key-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, 'key'), `${key}\n`);
  const limited = [
    'deliveries',
    '--location',
    await addLocation(service.api),
    '--key-file',
    join(folder, 'key'),
  ];
  const lacking = await runBellhop(limited, { BELLHOP_URL: service.url });
  expect(lacking.code).toBe(1);
  expect(lacking.stderr).toMatch(/^This API key lacks the scope events:read\.\nUse a key with that scope/);

  expect((await runBellhop(['keys', 'delete', id, '--yes'], at(service.api))).code).toBe(0);
  const revoked = await runBellhop([...limited, '--json'], { BELLHOP_URL: service.url });
  expect(JSON.parse(revoked.stderr).error).toMatchObject({
    status: 401,
    hint: expect.stringContaining('BELLHOP_KEY'),
  });
});

it('endpoints are made, tested, given a new secret and deleted; secrets stand alone on standard output', async () => {
  const receiver = await running(startReceiver());
  const location = await addLocation(service.api);
  const create = ['endpoints', 'create', '--location', location, '--url', `${receiver.url}/x`];
  const made = await runBellhop(
    [...create, '--header', 'x-api-key: 5f2b', '--action', 'create'],
    at(service.api),
  );
  expect(made.stdout).toMatch(/^whsec_\S+\n$/);
  const [, id = ''] = /Made the endpoint ([\w-]+)/.exec(made.stderr) ?? [];
  const { code, answer } = await json(['endpoints', 'test', id, '--location', location]);
  expect([code, answer.outcome]).toEqual([0, 'delivered']);
  expect(receiver.requests[0]?.headers).toMatchObject({ 'x-api-key': '5f2b' });

  receiver.answerWith((_request, response) => response.writeHead(500).end());
  const failed = await runBellhop(['endpoints', 'test', id, '--location', location], at(service.api));
  expect([failed.code, failed.stdout]).toEqual([
    1,
    expect.stringMatching(/^failed \(http_status 500\) in \d+ ms/),
  ]);
  const rotated = await runBellhop(
    ['endpoints', 'rotate-secret', id, '--location', location, '--yes'],
    at(service.api),
  );
  expect(rotated.stdout).toMatch(/^whsec_\S+\n$/);
  expect(rotated.stdout).not.toBe(made.stdout);
  const list = await runBellhop(['endpoints', 'list', '--location', location], at(service.api));
  expect(list.stdout).toMatch(/^ID +STATE +EVENTS +URL +DESCRIPTION\n.*failing +create +http/);
  expect((await json(['endpoints', 'delete', id, '--location', location, '--yes'])).code).toBe(0);
  expect((await json(['endpoints', 'list', '--location', location])).answer.items).toEqual([]);
});

it('what the API refuses is told with each mistake', async () => {
  const refused = await runBellhop(
    ['endpoints', 'create', '--location', await addLocation(service.api), '--url', 'http://10.0.0.1/'],
    at(service.api),
  );
  expect([refused.code, refused.stdout]).toEqual([1, '']);
  expect(refused.stderr).toContain('\n  - url: 10.0.0.1 is not an address on the public internet');
});

it('emit hands over events of its own, and those of files and pipes, in requests of 1,000', async () => {
  const location = await addLocation(service.api);
  const one = await runBellhop(
    ['emit', '--location', location, '--action', 'create', '--stations', '4'],
    at(service.api),
  );
  expect(one.stdout).toMatch(new RegExp(`^Accepted: sequence 1 of ${location}, id [\\w-]{36}\\n$`));
  const many = ['emit', '--location', location, '--action', 'delete', '--count', '2500'];
  expect((await runBellhop(many, at(service.api))).stdout).toBe(
    `2500 accepted, 0 duplicates\n  ${location}: sequences 2 to 2501\n`,
  );
  const lines = newEvents(location, 3).map(({ uuid, action, stations, customerid }) =>
    JSON.stringify({ uuid, action, stations, customerid, more: 1 }),
  );
  const file = ['emit', '--location', location, '--file', '-'];
  expect((await json(file, lines.join('\n'))).answer).toMatchObject({ accepted: 3, duplicates: 0 });
  // The same input, as another form of JSON.
  expect((await json(file, `[${lines.join(',')}]`)).answer).toMatchObject({ accepted: 0, duplicates: 3 });
  expect((await json([...file, '--new-ids'], lines[0])).answer).toMatchObject({ accepted: 1 });
  // The same event twice in one input is two events.
  const twice = JSON.stringify({ ...newEvent(location), id: undefined });
  expect((await json(file, `${twice}\n${twice}`)).answer).toMatchObject({ accepted: 2 });
});

it('emit names the event that is wrong, and what was handed over before it', async () => {
  const location = await addLocation(service.api);
  const events = newEvents(location, 1003).map((event, index) =>
    index === 1001 ? { ...event, stations: 0 } : event,
  );
  const wrong = await runBellhop(['emit', '--file', '-'], at(service.api), JSON.stringify(events));
  expect(wrong.code).toBe(1);
  expect(wrong.stderr).toContain('1000 of 1003 events were handed over before that.');
  expect(wrong.stderr).toContain('  - event 1002.stations: must be at least 1');
  for (const { input, message } of [
    { input: '{"a":1}\nnonsense', message: 'Line 2 is not JSON.' },
    { input: '[1]', message: 'The input must hold events as JSON objects.' },
    { input: '', message: 'There are no events to hand over.' },
  ])
    expect((await runBellhop(['emit', '--file', '-'], at(service.api), input)).stderr).toBe(`${message}\n`);
});

it('deliveries are listed, filtered, shown in full, and resent', async () => {
  const receiver = await running(startReceiver());
  const location = await addVenue(service.api, receiver.url);
  receiver.answerWith((_request, response) => response.writeHead(503).end());
  const event = newEvent(location);
  await handOver(service.api, event);
  await until('it has failed', async () => {
    const { body } = await service.api.get(`/v1/locations/${location}/deliveries?outcome=failed`);
    return body.items.length === 1;
  });
  const list = await runBellhop(
    ['deliveries', '--location', location, '--from', '1h', '--outcome', 'failed'],
    at(service.api),
  );
  const [head, row] = list.stdout.split('\n');
  expect(head).toMatch(/^BEGAN +OUTCOME +REASON +TOOK +EVENTS +SEQUENCE +ENDPOINT +DELIVERY$/);
  expect(row).toMatch(/^\d{4}-.*Z +failed +http_status 503 +\d+ ms +1 +1-1 /);
  expect(row?.indexOf('failed')).toBe(head?.indexOf('OUTCOME'));
  const id = row?.split(' ').at(-1) ?? '';
  const shown = await runBellhop(['deliveries', 'show', id, '--location', location], at(service.api));
  expect(shown.stdout).toContain(receiver.requests[0]?.body);
  expect(shown.stdout).toMatch(/^webhook-signature: +v1,/m);

  const again = await runBellhop(['resend', id, '--location', location], at(service.api));
  expect([again.code, again.stdout]).toEqual([1, expect.stringContaining('failed (http_status 503)')]);
  receiver.answerWith((_request, response) => response.writeHead(204).end());
  const { code, answer } = await json(['resend', id, '--location', location]);
  expect([code, answer]).toMatchObject([0, { outcome: 'delivered', resendOf: id }]);
  const none = await runBellhop(
    ['deliveries', '--location', location, '--outcome', 'abandoned'],
    at(service.api),
  );
  expect(none.stdout).toBe('No deliveries.\n');
});

/** An endpoint whose receiver failed, and the range of time in which it did. */
async function addFailed(count: number) {
  const receiver = await running(startReceiver());
  const location = await addLocation(service.api);
  const endpoint = await addEndpoint(service.api, location, receiver.url);
  receiver.answerWith((_request, response) => response.writeHead(500).end());
  for (let failed = 1; failed <= count; failed += 1) {
    await handOver(service.api, newEvent(location));
    // On a machine that is very busy, an answer may come too late to count.
    await until('it has ended', async () => {
      const { body } = await service.api.get(`/v1/locations/${location}/deliveries`);
      return body.items.filter((item: { endedAt: string | null }) => item.endedAt).length === failed;
    });
  }
  const range = [
    'resend',
    '--location',
    location,
    '--endpoint',
    endpoint.id,
    '--from',
    '1h',
    '--to',
    '2099-01-01T00:00:00Z',
  ];
  return { receiver, location, endpoint, range };
}

it('a range is tried dry, refused without --yes where nobody can be asked, and resent line by line', async () => {
  const { receiver, range } = await addFailed(3);
  receiver.answerWith((_request, response) => response.writeHead(204).end());
  const dry = await runBellhop([...range, '--dry-run'], at(service.api));
  expect(dry).toMatchObject({ code: 0, stdout: 'Would resend 3 deliveries with 3 events.\n' });
  const refused = await runBellhop(range, at(service.api));
  expect([refused.code, refused.stderr]).toEqual([
    2,
    expect.stringContaining('Resend 3 deliveries with 3 events'),
  ]);
  expect(receiver.requests).toHaveLength(3);
  const done = await runBellhop([...range, '--outcomes', 'failed,timed_out', '--yes'], at(service.api));
  expect(done.code).toBe(0);
  expect(done.stdout).toMatch(/3 of 3: 3 delivered\n$/);
  expect(receiver.requests).toHaveLength(6);
  const nothing = await runBellhop([...range, '--outcomes', 'abandoned', '--yes'], at(service.api));
  expect(nothing.stdout).toBe('There is nothing to resend.\n');
});

it('on a terminal a resend asks, draws a bar, is left by Ctrl-C, watched again and dropped', async () => {
  const { receiver, location, range } = await addFailed(3);
  receiver.answerWith(() => {}); // each takes its whole 2 s
  const bellhop = startOnTerminal(range, at(service.api));
  await bellhop.said(/Resend 3 deliveries with 3 events to the endpoint .* \[y\/N\] /);
  bellhop.child.stdin?.write('y\n');
  await bellhop.said(/░{30}\S* 0 of 3: 1 being sent, 2 waiting/);
  bellhop.child.stdin?.write('\u0003');
  const { code, stdout } = await bellhop.ended;
  expect(code).toBe(0);
  const [, id = ''] =
    /The resend goes on\. Watch it again: bellhop resend watch ([\w-]+) --location/.exec(stdout) ?? [];
  const dropped = await json(['resend', 'drop', id, '--location', location, '--yes']);
  expect(dropped.code).toBe(0);
  const watched = await json(['resend', 'watch', id, '--location', location]);
  expect(watched.answer).toMatchObject({ id, waiting: 0, delivered: 0 });
  expect(watched.code).toBe(1);
});

it('an output that nobody reads any more ends what goes on for long', async () => {
  const location = await addLocation(service.api);
  const bellhop = startBellhop(['deliveries', '--location', location, '--follow', '--json'], at(service.api));
  bellhop.child.stdout?.destroy();
  await addEndpoint(service.api, location, 'https://bellhop.invalid.example.com/');
  const send = setInterval(() => void handOver(service.api, newEvent(location)), 500);
  onTestFinished(() => clearInterval(send));
  expect(await bellhop.ended).toMatchObject({ code: 0, stderr: '' });
});
