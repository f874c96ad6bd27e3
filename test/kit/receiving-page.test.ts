import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { isBatch } from '../../src/kit/receiver-event.ts';
import { startReceiver } from '../support/receiver.ts';
import { adminKey, startTestService } from '../support/service.ts';
import { running } from '../support/stage.ts';
import { addEndpoint, addLocation, handOver, newEvents } from '../support/venue.ts';

const page = readFileSync('docs/receiving.md', 'utf8');
const blocks = [...page.matchAll(/^```(\w*)\n(.*?)^```$/gms)].map(([, language = '', text = '']) => ({
  language,
  text,
}));
const blocksIn = (...languages: string[]) => blocks.filter(({ language }) => languages.includes(language));

it('its code is that of the examples, which are run by tests of their own, and all of them are on it', () => {
  const shown = blocksIn('ts', 'js', 'python', 'php', 'go', 'ruby').map(({ text }) => text);
  const examples = readdirSync('examples')
    // Shown by docs/client.md.
    .filter((file) => file !== 'client.ts')
    .map((file) => readFileSync(`examples/${file}`, 'utf8'));
  expect(shown.toSorted()).toEqual(examples.toSorted());
  expect(blocks).toHaveLength(examples.length + blocksIn('http', 'json', 'sh').length);
});

it('the request that it shows has the headers of a delivery, and a body that the kit believes', async () => {
  const { api } = await running(startTestService());
  const receiver = await running(startReceiver());
  const locationId = await addLocation(api);
  await addEndpoint(api, locationId, receiver.url);
  await handOver(api, newEvents(locationId, 1));
  const [request] = await receiver.received(1);
  const shown = [...(blocksIn('http')[0]?.text.matchAll(/^([\w-]+): /gm) ?? [])].map(([, name]) => name);
  const ofTransport = new Set(['host', 'connection', 'content-length']);
  const sent = Object.keys(request?.headers ?? {}).filter((name) => !ofTransport.has(name));
  expect(new Set(shown)).toEqual(new Set(sent));
  const body: unknown = JSON.parse(blocksIn('json')[0]?.text ?? '');
  expect(isBatch(body)).toBe(true);
  expect(membersOf(JSON.stringify(body))).toEqual(membersOf(request?.body));
});

const membersOf = (batch = '') => batch.match(/"\w+":/g);

it('its commands do what it says', async () => {
  const { api, url } = await running(startTestService());
  const locationId = await addLocation(api);
  const { id, path } = await addEndpoint(api, locationId, 'http://127.0.0.1:1024');
  await handOver(api, newEvents(locationId, 20));
  // The function is that of the API by example.
  const [define = ''] = /^api\(\) \{.*\}$/m.exec(readFileSync('docs/api-by-example.md', 'utf8')) ?? [];
  const env = { ...process.env, URL: url, KEY: adminKey, LOCATION: locationId, ENDPOINT: id };
  const answers = [];
  for (const { text } of blocksIn('sh')) {
    const { stdout } = await promisify(execFile)('bash', ['-euc', `${define}\n${text}`], { env });
    answers.push(JSON.parse(stdout));
  }
  expect(answers).toEqual([
    expect.objectContaining({ items: [18, 19, 20].map((sequence) => expect.objectContaining({ sequence })) }),
    expect.objectContaining({ secret: expect.stringMatching(/^whsec_/) }),
  ]);
  expect((await api.post(`${path}/rotate-secret`, { overlapHours: 0 })).status).toBe(200);
});
