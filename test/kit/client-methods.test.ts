import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Client, createClient } from '../../src/kit/client.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { adminKey, startTestService, type TestService } from '../support/service.ts';
import { addLocation, addVenue, newEvent } from '../support/venue.ts';

let service: TestService;
let receiver: Receiver;
let locationId: string;
let api: Client;
beforeAll(async () => {
  service = await startTestService();
  receiver = await startReceiver();
  locationId = await addVenue(service.api, receiver.url);
  api = createClient({ url: service.url, key: adminKey, locationId });
});
afterAll(async () => {
  await receiver.stop();
  await service.stop();
});

const session = () => ({ ...newEvent(locationId), id: undefined });

it('has a method for every operation of the specification', async () => {
  const { paths } = await api.specification.get();
  const ids = Object.values(Object(paths)).flatMap((item) =>
    Object.values<{ operationId: string }>(Object(item)).map(({ operationId }) => operationId),
  );
  expect(ids.length).toBeGreaterThan(50);
  for (const id of ids) expect(api).toHaveProperty(id, expect.any(Function));
});

it('hands over events under ids of its own, and repeats them when no answer comes, which stores them once', async () => {
  let lost = 0;
  const losing: typeof fetch = async (...args) => {
    const answer = await fetch(...args);
    lost += 1;
    if (lost < 3) throw new TypeError('The answer was lost.');
    return answer;
  };
  const unlucky = createClient({ url: service.url, key: adminKey, fetch: losing });
  const answer = await unlucky.events.handOver([session(), session()]);
  expect(answer).toMatchObject({ accepted: 0, duplicates: 2 });
  expect(answer.events).toHaveLength(2);
});

it('repeats nothing that was refused for good, and names each mistake', async () => {
  let sent = 0;
  const counting: typeof fetch = (...args) => {
    sent += 1;
    return fetch(...args);
  };
  const client = createClient({ url: service.url, key: adminKey, fetch: counting });
  await expect(client.events.handOver({ ...session(), stations: 0 })).rejects.toMatchObject({
    status: 422,
    title: 'Unprocessable Content',
    errors: [{ path: 'stations', message: 'must be at least 1' }],
  });
  expect(sent).toBe(1);
});

it('reads a list item by item over its pages, or a page', async () => {
  const venue = await addLocation(service.api);
  const handed = await api.events.handOver([1, 2, 3, 4, 5].map(() => ({ ...session(), locationId: venue })));
  const read: number[] = [];
  for await (const { sequence } of api.at(venue).events.list({ limit: 2 })) read.push(sequence);
  expect(read).toEqual(handed.events.map(({ sequence }) => sequence));
  const page = await api.at(venue).events.list({ limit: 2 }).page();
  expect(page).toMatchObject({ items: [{ sequence: 1 }, { sequence: 2 }], nextCursor: '2' });
});

it('streams deliveries, and goes on where the stream was cut without one twice', async () => {
  const connections: AbortController[] = [];
  const cutting: typeof fetch = (input, init) => {
    const connection = new AbortController();
    connections.push(connection);
    const signals = [connection.signal, ...(init?.signal ? [init.signal] : [])];
    return fetch(input, { ...init, signal: AbortSignal.any(signals) });
  };
  const watching = createClient({ url: service.url, key: adminKey, locationId, fetch: cutting });
  const stream = watching.deliveries.stream();
  const first = stream.next();
  await expect.poll(() => connections.length).toBe(1);
  // A stream shows what ends once it is open: so long, tests are sent.
  const { items } = await api.endpoints.list().page();
  const [endpoint] = items;
  if (!endpoint) throw new Error('There is one.');
  const arrived = first.then(() => true);
  const isThere = () => Promise.race([arrived, api.endpoints.test(endpoint.id).then(() => false)]);
  while (!(await isThere()));
  const { value } = await first;
  connections[0]?.abort();
  const second = stream.next();
  const { id } = await api.endpoints.test(endpoint.id);
  const seen = [value?.id];
  for (let next = await second; ; next = await stream.next()) {
    seen.push(next.value?.id);
    if (next.value?.id === id) break;
  }
  expect(new Set(seen).size).toBe(seen.length);
  await stream.return();
});

it('gives up on what is not answered in time, and breaks off when it is told to', async () => {
  const silent = await startReceiver();
  silent.answerWith(() => {});
  const client = createClient({ url: silent.url, key: adminKey, locationId });
  await expect(client.stats.get({}, { timeoutMs: 20 })).rejects.toMatchObject({ name: 'TimeoutError' });
  const breaking = new AbortController();
  const call = client.stats.get({}, { signal: breaking.signal });
  breaking.abort();
  await expect(call).rejects.toMatchObject({ name: 'AbortError' });
  await silent.stop();
});

it('takes no id for a step between folders, and no call about a location without one', async () => {
  await expect(api.keys.revoke('..')).rejects.toThrow('There is no id with the id ..');
  const nowhere = createClient({ url: service.url, key: adminKey });
  await expect(nowhere.stats.get()).rejects.toThrow('Say which location');
  await expect(nowhere.at(locationId).deliveries.get(randomUUID())).rejects.toMatchObject({ status: 404 });
});

it('does what the example of docs/client.md shows', async () => {
  const example = await readFile('examples/client.ts', 'utf8');
  expect(await readFile('docs/client.md', 'utf8')).toContain(`\`\`\`ts\n${example}\`\`\``);
  const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', 'examples/client.ts'], {
    env: { ...process.env, BELLHOP_URL: service.url, BELLHOP_KEY: adminKey },
  });
  expect(stdout).toMatch(
    /^verify with whsec_\S+\nstored as 1\n(dns\n)?1 41509791-3de8-5bb9-b4fc-a9753da95aad\n$/,
  );
});
