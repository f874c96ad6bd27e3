import { randomUUID } from 'node:crypto';
import { expect, it } from 'vitest';
import { startReceiver } from '../support/receiver.ts';
import { adminKey } from '../support/service.ts';
import { running, setStage } from '../support/stage.ts';
import { addEndpoint, addLocation, handOver, newEvent } from '../support/venue.ts';
import { createVisitor } from '../support/visitor.ts';

async function setScene(more: Record<string, string> = {}) {
  const stage = await setStage();
  const receiver = await running(startReceiver());
  const { api, url } = await stage.start(more);
  const location = await addLocation(api);
  const visitor = createVisitor(url);
  await visitor.signIn(adminKey);
  const ask = (uuid: string) =>
    visitor.get(`/locations/${location}/sessions?uuid=${encodeURIComponent(uuid)}`);
  return { stage, receiver, api, location, visitor, ask };
}

function textOf(html: string): string {
  return html.replaceAll(/<[^>]*>/g, ' ').replaceAll(/\s+/g, ' ');
}

it('tells of each event where it was sent, or why it was not', async () => {
  const { api, location, receiver, ask, stage } = await setScene();
  const uuid = randomUUID();
  await handOver(api, newEvent(location, { uuid }));
  await addEndpoint(api, location, `${receiver.url}/all`);
  await addEndpoint(api, location, `${receiver.url}/creates`, { actions: ['create'] });
  await addEndpoint(api, location, `${receiver.url}/paused`, { enabled: false });
  await handOver(api, newEvent(location, { uuid, action: 'delete', stations: 3 }));
  await stage.ledger.settled();
  const { status, html } = await ask(uuid.toUpperCase());
  expect(status).toBe(200);
  const [, created = '', deleted = ''] = html.split('<h2>').map((part) => textOf(part));
  expect(created).toMatch(
    /^It was created Event 1 of this location, for 1 station, accepted \d{4}-\d\d-\d\d .* UTC/,
  );
  expect(created).toContain('Skipped There was no webhook to send it to.');
  expect(deleted).toMatch(/^It was deleted Event 2 of this location, for 3 stations/);
  expect(deleted).toMatch(
    /Delivered Sent to 127\.0\.0\.1:\d+\/all \. It answered 204 after \d+ ms\. See what was sent/,
  );
  expect(deleted).toMatch(
    /Skipped Not sent to 127\.0\.0\.1:\d+\/creates \. The webhook does not want events of this kind\./,
  );
  expect(deleted).toMatch(
    /Skipped Not sent to 127\.0\.0\.1:\d+\/paused \. The webhook was paused at the time\./,
  );
  const { body } = await api.get(`/v1/locations/${location}/deliveries`);
  expect(html).toContain(`href="/locations/${location}/deliveries/${body.items[0].id}"`);
});

it('tells what still waits, and that a webhook was deleted since', async () => {
  const { api, location, receiver, ask } = await setScene({ ROLE: 'api' });
  const endpoint = await addEndpoint(api, location, receiver.url);
  const event = newEvent(location);
  await handOver(api, event);
  expect(textOf((await ask(event.uuid)).html)).toMatch(
    /Waiting It still waits to be sent to 127\.0\.0\.1:\d+ \./,
  );
  await api.delete(endpoint.path);
  expect(textOf((await ask(event.uuid)).html)).toContain('Not sent to a deleted webhook .');
});

it('says what it may mean that nothing is known of a session, at this location', async () => {
  const { api, ask } = await setScene();
  const elsewhere = newEvent(await addLocation(api));
  await handOver(api, elsewhere);
  for (const uuid of [randomUUID(), elsewhere.uuid]) {
    const { status, html } = await ask(uuid);
    expect(status).toBe(200);
    expect(textOf(html)).toContain('No events of this session are on record here');
    expect(textOf(html)).toContain('the session belongs to another location');
  }
});

it('says what a session id looks like, and keeps what was typed, harmlessly', async () => {
  const { ask } = await setScene();
  for (const typed of ['1234', '"><script>alert(1)</script>', '%00']) {
    const { status, html } = await ask(typed);
    expect(status).toBe(422);
    expect(textOf(html)).toContain('It must be a UUID like 41509791-3de8-5bb9-b4fc-a9753da95aad.');
    expect(html).toMatch(/<input[^>]*aria-invalid="true"[^>]*type="search"/);
    expect(html).not.toContain('<script>');
  }
  const { status, html } = await ask('');
  expect(status).toBe(200);
  expect(html).toContain('type="search"');
  expect(html).not.toContain('aria-invalid');
});
