import { afterAll, beforeAll, expect, it } from 'vitest';
import { BellhopError, type CatchUpOptions, catchUp, type LoggedEvent } from '../../src/kit/receiver.ts';
import { adminKey, startTestService, type TestService } from '../support/service.ts';
import { addLocation, handOver, newEvent, newEvents } from '../support/venue.ts';

let service: TestService;
beforeAll(async () => {
  service = await startTestService();
});
afterAll(() => service.stop());

/** Reads all there is. `asked` collects the addresses of the pages. */
async function read(options: Partial<CatchUpOptions> & { locationId: string }, asked: string[] = []) {
  const events: LoggedEvent[] = [];
  const counting: typeof fetch = (input, init) => {
    asked.push(new URL(new Request(input).url).search);
    return fetch(input, init);
  };
  const all = { url: `${service.url}/`, key: adminKey, after: 0, fetch: counting, ...options };
  for await (const event of catchUp(all)) events.push(event);
  return events;
}

it('reads all that came after a sequence, in order, page by page', async () => {
  const locationId = await addLocation(service.api);
  const handed = [newEvents(locationId, 1000), newEvents(locationId, 1000), newEvents(locationId, 5)];
  for (const events of handed) await handOver(service.api, events);
  const asked: string[] = [];
  const events = await read({ locationId, after: 3 }, asked);
  expect(events.map(({ uuid }) => uuid)).toEqual(
    handed
      .flat()
      .slice(3)
      .map(({ uuid }) => uuid),
  );
  expect(events.map(({ sequence }) => sequence)).toEqual(events.map((_event, index) => index + 4));
  expect(asked).toEqual(['?after=3&limit=1000', '?after=1003&limit=1000', '?after=2003&limit=1000']);
});

it('reads a gap and nothing behind it, as the log holds its events', async () => {
  const locationId = await addLocation(service.api);
  const handed = Array.from({ length: 4 }, (_, index) => newEvent(locationId, { stations: index + 1 }));
  await handOver(service.api, handed);
  const asked: string[] = [];
  const [event, ...others] = await read({ locationId, after: 1, through: 3 }, asked);
  expect(event).toEqual({ ...handed[1], sequence: 2, acceptedAt: expect.stringMatching(/^20\d\d-.*Z$/) });
  expect(others.map(({ sequence }) => sequence)).toEqual([3]);
  expect(asked).toEqual(['?after=1&limit=2']);
  expect(await read({ locationId, after: 3, through: 3 })).toEqual([]);
  expect(await read({ locationId, after: 4 })).toEqual([]);
});

it('rejects with what Bellhop says when it refuses', async () => {
  const locationId = await addLocation(service.api);
  await expect(read({ locationId, key: 'bellhop_wrong' })).rejects.toMatchObject({ status: 401 });
  await expect(read({ locationId: '../keys' })).rejects.toBeInstanceOf(BellhopError);
  await expect(read({ locationId, after: -1 })).rejects.toMatchObject({
    status: 422,
    errors: [{ path: 'after', message: 'must be at least 0' }],
  });
});

it('a key of another location sees nothing', async () => {
  const [own, other] = [await addLocation(service.api), await addLocation(service.api)];
  const { body } = await service.api.post('/v1/keys', {
    name: 'Receiver',
    scopes: ['events:read'],
    locationId: own,
  });
  await handOver(service.api, newEvent(own));
  expect(await read({ locationId: own, key: body.key })).toHaveLength(1);
  await expect(read({ locationId: other, key: body.key })).rejects.toMatchObject({ status: 404 });
});
