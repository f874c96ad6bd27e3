import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { expectOnceInOrder } from '../support/arrivals.ts';
import type { Ledger } from '../support/ledger.ts';
import { startReceiver } from '../support/receiver.ts';
import type { ServiceProcess } from '../support/service.ts';
import { running, setStage } from '../support/stage.ts';
import {
  type AcceptedEvent,
  addEndpoint,
  addLocation,
  addVenue,
  handOver,
  type HandedEvent,
  newEvent,
  newEvents,
} from '../support/venue.ts';

/** A request of the load: its events, and what was answered, or null when the service died before it did. */
type Handed = { events: HandedEvent[]; answer: AcceptedEvent[] | null };

/** One caller that hands over events of changing locations, one request after the other, until the service is gone. */
async function handOverUntilKilled(
  { api, child }: ServiceProcess,
  locationIds: string[],
  handed: Handed[],
): Promise<void> {
  for (let round = 0; child.exitCode === null && child.signalCode === null; round += 1) {
    const events = [0, 1, 2].map((n) =>
      newEvent(locationIds[(round * 2 + n) % locationIds.length] ?? '', {
        action: (round + n) % 3 === 0 ? 'delete' : 'create',
      }),
    );
    handed.push({ events, answer: await handOver(api, events).catch(() => null) });
  }
}

/** What was answered is stored as it was answered; what was not is stored whole, or not at all. */
async function expectStoredAsAnswered(ledger: Ledger, handed: Handed[]): Promise<void> {
  const locationIds = new Set(handed.flatMap(({ events }) => events.map((event) => event.locationId)));
  const logs = await Promise.all([...locationIds].map((locationId) => ledger.events(locationId)));
  const stored = new Map(logs.flat().map(({ id, sequence }) => [id, sequence]));
  const sequencesOf = ({ events }: Handed) => events.map((event) => stored.get(event.id) ?? null);
  const answered = handed.filter(({ answer }) => answer !== null);
  const unanswered = handed.filter(({ answer }) => answer === null);
  expect(answered.length).toBeGreaterThan(0);
  expect(unanswered.length).toBeGreaterThan(0);
  for (const request of answered)
    expect(sequencesOf(request)).toEqual(request.answer?.map((event) => event.sequence));
  for (const request of unanswered)
    expect(new Set(sequencesOf(request).map((sequence) => sequence === null)).size).toBe(1);
}

describe('accounted for', { timeout: 90_000 }, () => {
  test('killed again and again under load: every accepted event ends once at every endpoint of its location', async () => {
    const { spawn, ledger } = await setStage();
    const receiver = await running(startReceiver());
    receiver.answerWith(async ({ url }, response) => {
      // Some are in flight at any time; the others have a free lane to go on with after the kill.
      if (Number(url.slice(1)) < 6) await delay(10);
      response.writeHead(204).end();
    });
    let service = await spawn();
    const locationIds = await Promise.all(
      Array.from({ length: 12 }, (_, n) => addVenue(service.api, `${receiver.url}/${n}`)),
    );
    const [filteredAt = '', pausedAt = ''] = locationIds;
    locationIds.push(await addLocation(service.api)); // without an endpoint
    await addEndpoint(service.api, filteredAt, `${receiver.url}/filtered`, { actions: ['create'] });
    const paused = await addEndpoint(service.api, pausedAt, `${receiver.url}/paused`, { enabled: false });

    const handed: Handed[] = [];
    for (let round = 1; round <= 3; round += 1) {
      const load = [1, 2, 3, 4].map(() => handOverUntilKilled(service, locationIds, handed));
      await receiver.received(receiver.requests.length + 50);
      await service.end('SIGKILL');
      await Promise.all(load);
      service = await spawn();
    }
    await ledger.settled();

    expect(await ledger.gaps()).toEqual([]);
    // What a paused endpoint missed is written down when it goes on.
    await service.api.patch(paused.path, { enabled: true });
    expect(await ledger.unaccounted()).toEqual([]);
    expectOnceInOrder(receiver.requests);
    expect(receiver.requests.some((request) => request.url === '/paused')).toBe(false);
    await expectStoredAsAnswered(ledger, handed);
  });

  test('an event that is not sent tells why at each endpoint', async () => {
    const { start } = await setStage();
    const receiver = await running(startReceiver());
    const { api } = await start();
    const locationId = await addLocation(api);
    const trace = async (uuid: string) => {
      const { body } = await api.get(`/v1/locations/${locationId}/events?uuid=${uuid}`);
      return body.items[0];
    };
    const early = newEvent(locationId);
    await handOver(api, early);
    const all = await addEndpoint(api, locationId, receiver.url);
    const creates = await addEndpoint(api, locationId, receiver.url, { actions: ['create'] });
    const paused = await addEndpoint(api, locationId, receiver.url, { enabled: false });
    const event = newEvent(locationId, { action: 'delete' });
    await handOver(api, event);
    await receiver.received(1);

    expect(await trace(early.uuid)).toMatchObject({
      skipped: [{ endpointId: null, reason: 'no_endpoint' }],
      deliveries: [],
      pending: [],
    });
    await expect
      .poll(() => trace(event.uuid))
      .toMatchObject({
        deliveries: [{ endpointId: all.id, outcome: 'delivered' }],
        skipped: [
          { endpointId: creates.id, reason: 'filtered' },
          { endpointId: paused.id, reason: 'paused' },
        ],
        pending: [],
      });
  });

  test('events that are a day old before they can be sent are skipped as expired, and newer ones are sent', async () => {
    const { start, sql, ledger } = await setStage();
    const receiver = await running(startReceiver());
    const { api } = await start({ ROLE: 'api' });
    const locationId = await addVenue(api, receiver.url);
    await handOver(api, newEvents(locationId, 250));
    await sql`update events set accepted_at = now() - interval '25 hours' where sequence <= 150`;
    const before = await api.get(`/v1/locations/${locationId}/events?limit=200`);
    await start({ ROLE: 'dispatcher' });
    await ledger.settled();
    expect(await ledger.unaccounted()).toEqual([]);
    expect(receiver.requests.map(({ headers }) => headers['bellhop-sequence'])).toEqual(['151-250']);
    const { uuid } = before.body.items[149];
    const { body } = await api.get(`/v1/locations/${locationId}/events?uuid=${uuid}`);
    expect(body.items[0]).toMatchObject({ deliveries: [], skipped: [{ reason: 'expired' }], pending: [] });
  });

  test('an outcome never changes: a process that was paused past its lease records nothing when it goes on', async () => {
    const { spawn, ledger } = await setStage();
    const receiver = await running(startReceiver());
    const [sleeper, other] = await Promise.all([spawn(), spawn({ ROLE: 'dispatcher' })]);
    const locationId = await addVenue(sleeper.api, receiver.url);
    receiver.answerWith((_request, response) => {
      sleeper.child.kill('SIGSTOP');
      response.writeHead(204).end();
    });
    await handOver(sleeper.api, newEvent(locationId)).catch(() => {}); // asleep before it answered
    const [abandoned] = await ledger.ended(locationId, 1);
    expect(abandoned).toMatchObject({ outcome: 'abandoned', reason: 'crashed' });
    sleeper.child.kill('SIGCONT');
    // It stops when all it has in flight is on record.
    expect(await sleeper.end('SIGTERM')).toBe(0);
    expect(
      sleeper.log.some((line) => line.includes('delivery ended') && line.includes(abandoned?.id ?? '')),
    ).toBe(true);
    expect(await ledger.deliveries(locationId)).toEqual([abandoned]);
    expect(other.child.exitCode).toBe(null);
  });

  test('a reason never changes: what a paused endpoint missed stays paused when it goes on, and when it is deleted', async () => {
    const { start } = await setStage();
    const receiver = await running(startReceiver());
    const { api } = await start();
    const locationId = await addLocation(api);
    const resumed = await addEndpoint(api, locationId, receiver.url, { enabled: false });
    const deleted = await addEndpoint(api, locationId, receiver.url, { enabled: false });
    const event = newEvent(locationId);
    await handOver(api, event);
    const trace = async () => {
      const { body } = await api.get(`/v1/locations/${locationId}/events?uuid=${event.uuid}`);
      return body.items[0].skipped;
    };
    const before = await trace();
    expect(before).toEqual([
      { endpointId: resumed.id, reason: 'paused' },
      { endpointId: deleted.id, reason: 'paused' },
    ]);
    await api.patch(resumed.path, { enabled: true });
    await api.delete(deleted.path);
    expect(await trace()).toEqual(before);
    await api.delete(resumed.path);
    expect(await trace()).toEqual(before);
  });
});
