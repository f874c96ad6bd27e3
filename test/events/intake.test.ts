import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { adminKey, startTestService, type TestService } from '../support/service.ts';
import { addLocation, newEvent, newEvents } from '../support/venue.ts';

let service: TestService;
beforeAll(async () => {
  service = await startTestService();
});
afterAll(() => service.stop());

describe('handing over events', () => {
  it('stores one event and answers its place in the log', async () => {
    const location = await makeLocation();
    const event = newEvent(location);
    const { status, body } = await post(event);
    expect(status).toBe(202);
    expect(body).toEqual({
      accepted: 1,
      duplicates: 0,
      events: [{ id: event.id, locationId: location, sequence: 1 }],
    });
    const { id, locationId, ...stored } = event;
    expect(await read(location)).toEqual([
      { id, locationId, sequence: 1, ...stored, acceptedAt: expect.stringMatching(/^\d{4}-.*Z$/) },
    ]);
  });

  it('makes an id for an event that has none', async () => {
    const location = await makeLocation();
    const { body } = await post({ ...newEvent(location), id: undefined });
    expect(body.events[0].id).toMatch(/^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/);
    expect((await read(location))[0].id).toBe(body.events[0].id);
  });

  it('takes an array, and answers in its order', async () => {
    const [first, second] = [await makeLocation(), await makeLocation()];
    const events = [first, second, second, first, second].map((location) => newEvent(location));
    const { status, body } = await post(events);
    expect(status).toBe(202);
    const sequences = [1, 1, 2, 2, 3];
    expect(body).toEqual({
      accepted: 5,
      duplicates: 0,
      events: events.map(({ id, locationId }, n) => ({ id, locationId, sequence: sequences[n] })),
    });
  });

  it('takes 1,000 events at once and refuses 1,001, storing none', async () => {
    const location = await makeLocation();
    const refused = await post(newEvents(location, 1001));
    expect(refused).toMatchObject({
      status: 422,
      body: { errors: [{ path: '', message: 'must hold at most 1000 events' }] },
    });
    expect(await lastSequence(location)).toBe(0);

    const events = newEvents(location, 1000);
    const taken = await post(events);
    expect(taken.body).toMatchObject({ accepted: 1000, duplicates: 0 });
    expect(taken.body.events.map(sequenceOf)).toEqual(count(1000));
    expect((await read(location)).map(idOf)).toEqual(events.map(idOf));
  });

  it('keeps the largest and smallest numbers exactly', async () => {
    const location = await makeLocation();
    const numbers = [
      { stations: 1, customerid: 0 },
      { stations: 2_147_483_647, customerid: Number.MAX_SAFE_INTEGER },
    ];
    expect((await post(numbers.map((change) => newEvent(location, change)))).status).toBe(202);
    expect(await read(location)).toMatchObject(numbers);
  });

  it('reads UUIDs in any case and version, and keeps them in lower case', async () => {
    const location = await makeLocation();
    const uuids = [
      '41509791-3DE8-5BB9-B4FC-A9753DA95AAD',
      '00000000-0000-0000-0000-000000000000',
      'ffffffff-ffff-ffff-ffff-ffffffffffff',
      '01932D2C-F5A7-7CBE-8A5E-0123456789AB',
    ];
    expect((await post(uuids.map((uuid) => newEvent(location, { uuid })))).status).toBe(202);
    expect(await read(location)).toMatchObject(uuids.map((uuid) => ({ uuid: uuid.toLowerCase() })));
  });

  it('ignores members that are not named, whatever they are called', async () => {
    const location = await makeLocation();
    const extra = '"sequence":99,"acceptedAt":"x","__proto__":{"stations":5},"constructor":{},"toString":1';
    const text = JSON.stringify(newEvent(location)).replace('{', `{${extra},`);
    const answer = await fetch(`${service.url}/v1/events`, {
      method: 'POST',
      headers: { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json' },
      body: text,
    });
    expect(answer.status).toBe(202);
    const [stored] = await read(location);
    expect(Object.keys(stored)).toEqual([
      'id',
      'locationId',
      'sequence',
      'uuid',
      'action',
      'stations',
      'customerid',
      'acceptedAt',
    ]);
    expect(stored).toMatchObject({ sequence: 1, stations: 1 });
  });
});

describe('an event with an id that was there before', () => {
  it('is stored once when it comes again, and keeps its first members', async () => {
    const location = await makeLocation();
    const event = newEvent(location);
    await post(event);
    const again = await post([newEvent(location), { ...event, stations: 5 }]);
    expect(again.body).toMatchObject({ accepted: 1, duplicates: 1 });
    expect(again.body.events.map(sequenceOf)).toEqual([2, 1]);
    expect(await read(location)).toMatchObject([{ id: event.id, stations: 1 }, { sequence: 2 }]);
  });

  it('is stored once within one request', async () => {
    const location = await makeLocation();
    const event = newEvent(location);
    const { body } = await post([event, newEvent(location), event, event]);
    expect(body).toMatchObject({ accepted: 2, duplicates: 2 });
    expect(body.events.map(sequenceOf)).toEqual([1, 2, 1, 1]);
    expect(await lastSequence(location)).toBe(2);
  });

  it('is the same in upper case', async () => {
    const location = await makeLocation();
    const id = randomUUID();
    await post(newEvent(location, { id }));
    const again = await post([newEvent(location, { id: id.toUpperCase() }), newEvent(location, { id })]);
    expect(again.body).toEqual({
      accepted: 0,
      duplicates: 2,
      events: [1, 2].map(() => ({ id, locationId: location, sequence: 1 })),
    });
  });

  it('is another event at another location', async () => {
    const [first, second] = [await makeLocation(), await makeLocation()];
    const id = randomUUID();
    const { body } = await post([newEvent(first, { id }), newEvent(second, { id })]);
    expect(body).toMatchObject({ accepted: 2, duplicates: 0 });
  });

  it('is stored once by parallel requests, which all learn its sequence', async () => {
    const location = await makeLocation();
    const batch = [newEvent(location), newEvent(location)];
    const answers = await Promise.all(count(20).map((n) => post(n % 2 ? batch : batch.toReversed())));
    expect(answers.reduce((sum, { body }) => sum + body.accepted, 0)).toBe(2);
    for (const { body } of answers) expect(body.events.map(sequenceOf).toSorted()).toEqual([1, 2]);
    expect(await lastSequence(location)).toBe(2);
  });
});

describe('an event of an unknown location', () => {
  it('is refused by name, and everything else in the request with it', async () => {
    const location = await makeLocation();
    const { status, body } = await post([newEvent(location), newEvent('nowhere'), newEvent('nowhere-else')]);
    expect(status).toBe(422);
    expect(body.errors).toEqual([
      { path: '1.locationId', message: 'there is no location nowhere' },
      { path: '2.locationId', message: 'there is no location nowhere-else' },
    ]);
    expect(await lastSequence(location)).toBe(0);
  });

  it('is named without an index when it came alone', async () => {
    const { body } = await post(newEvent('nowhere'));
    expect(body.detail).toContain('there is no location nowhere');
    expect(body.errors).toEqual([{ path: 'locationId', message: 'there is no location nowhere' }]);
  });

  it('does not harm a request that is stored in the same moment', async () => {
    const location = await makeLocation();
    const answers = await Promise.all(
      count(40).map((n) => post([newEvent(location), ...(n % 2 ? [newEvent('nowhere')] : [])])),
    );
    expect(answers.map(({ status }) => status)).toEqual(count(40).map((n) => (n % 2 ? 422 : 202)));
    expect(await lastSequence(location)).toBe(20);
  });

  it('may be a location that was deleted', async () => {
    const location = await makeLocation();
    await service.api.delete(`/v1/locations/${location}`);
    expect((await post(newEvent(location))).body.errors).toEqual([
      { path: 'locationId', message: `there is no location ${location}` },
    ]);
  });

  it('answers the same for a key that is bound to another location', async () => {
    const [own, other] = [await makeLocation(), await makeLocation()];
    const { body } = await service.api.post('/v1/keys', {
      name: 'bound',
      scopes: ['events:write'],
      locationId: own,
    });
    const bound = service.api.as(body.key);
    const refused = await bound.post('/v1/events', [newEvent(own), newEvent(other), newEvent('nowhere')]);
    expect(refused.status).toBe(422);
    expect(refused.body.errors).toEqual([
      { path: '1.locationId', message: `there is no location ${other}` },
      { path: '2.locationId', message: 'there is no location nowhere' },
    ]);
    expect([await lastSequence(own), await lastSequence(other)]).toEqual([0, 0]);
    expect((await bound.post('/v1/events', newEvent(own))).status).toBe(202);
  });
});

describe('many requests at once', () => {
  it('leave no gap and no event twice: 200 single events over 5 locations', async () => {
    const locations = await Promise.all(count(5).map(makeLocation));
    const events = count(200).map((n) => newEvent(locations[n % 5] ?? ''));
    const answers = await Promise.all(events.map(post));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]));
    for (const location of locations) {
      const stored = await read(location);
      expect(stored.map(sequenceOf)).toEqual(count(40));
      const answered = answers.flatMap(({ body }) => body.events).filter((e) => e.locationId === location);
      expect(stored.map(placeOf)).toEqual(answered.toSorted((a, b) => a.sequence - b.sequence).map(placeOf));
      expect(new Set(stored.map(idOf)).size).toBe(40);
    }
  });

  it('do not wait for each other forever when they name locations in opposite orders', async () => {
    const locations = await Promise.all(count(4).map(makeLocation));
    const requests = count(60).map((n) =>
      (n % 2 ? locations : locations.toReversed()).map((id) => newEvent(id)),
    );
    const answers = await Promise.all(requests.map(post));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]));
    for (const location of locations) expect(await lastSequence(location)).toBe(60);
  });
});

describe('catching up', () => {
  it('pages through the log in sequence order from a known sequence', async () => {
    const location = await makeLocation();
    await post(newEvents(location, 10));
    const first = await service.api.get(`/v1/locations/${location}/events?after=2&limit=3`);
    expect(first.body.items.map(sequenceOf)).toEqual([3, 4, 5]);
    const pages = [first.body];
    while (pages.at(-1).nextCursor)
      pages.push(
        (await service.api.get(`/v1/locations/${location}/events?limit=3&cursor=${pages.at(-1).nextCursor}`))
          .body,
      );
    expect(pages.map((page) => page.items.map(sequenceOf))).toEqual([
      [3, 4, 5],
      [6, 7, 8],
      [9, 10],
    ]);
  });

  it('is at its end behind the newest event', async () => {
    const location = await makeLocation();
    await post(newEvents(location, 2));
    const { body } = await service.api.get(`/v1/locations/${location}/events?after=2`);
    expect(body).toEqual({ items: [], nextCursor: null });
  });

  it.each([
    ['after=-1', 'after', 'must be at least 0'],
    ['after=x', 'after', 'must be a sequence'],
    ['after=1.5', 'after', 'must be a whole number'],
    ['after=9007199254740993', 'after', 'must be'],
    ['limit=0', 'limit', 'must be at least 1'],
    ['limit=1001', 'limit', 'must be at most 1000'],
    ['limit=1&limit=2', 'limit', 'must be a number'],
    ['limit=%00', 'limit', 'must be a number'],
    ['cursor=%00', 'cursor', 'must be a sequence'],
    ['uuid=x', 'uuid', 'must be a UUID'],
  ])('refuses ?%s', async (query, path, message) => {
    const location = await makeLocation();
    const { status, body } = await service.api.get(`/v1/locations/${location}/events?${query}`);
    expect(status).toBe(422);
    expect(body.errors).toContainEqual({ path, message: expect.stringContaining(message) });
  });

  it.each(['__proto__=1', 'constructor=1', '%', 'limit[]=5', 'x=%ff'])('ignores ?%s', async (query) => {
    const location = await makeLocation();
    expect((await service.api.get(`/v1/locations/${location}/events?${query}`)).status).toBe(200);
  });
});

const makeLocation = () => addLocation(service.api);
const post = (events: unknown) => service.api.post('/v1/events', events);
const count = (last: number) => Array.from({ length: last }, (_, n) => n + 1);
const idOf = ({ id }: { id: string }) => id;
const sequenceOf = ({ sequence }: { sequence: number }) => sequence;
const placeOf = ({ id, sequence }: { id: string; sequence: number }) => `${sequence} ${id}`;

async function read(location: string) {
  const { body } = await service.api.get(`/v1/locations/${location}/events?limit=1000`);
  return body.items;
}

async function lastSequence(location: string): Promise<number> {
  const { body } = await service.api.get(`/v1/locations/${location}`);
  return body.lastSequence;
}
