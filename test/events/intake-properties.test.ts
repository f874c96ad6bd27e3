import { randomUUID } from 'node:crypto';
import * as fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { dumpDatabase } from '../db/dump.ts';
import type { Answer } from '../support/api.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { addLocation, newEvent } from '../support/venue.ts';

let service: TestService;
beforeAll(async () => {
  service = await startTestService();
});
afterAll(() => service.stop());

it('any JSON that is no event is refused with a 4xx, and nothing is stored', async () => {
  const location = await makeLocation();
  const before = await dumpDatabase(service.databaseUrl);
  const anything = fc.jsonValue({ maxDepth: 6 });
  await fc.assert(
    fc.asyncProperty(fc.array(anything, { minLength: 1, maxLength: 8 }), async (bodies) => {
      const answers = await Promise.all(bodies.map((body) => service.api.post('/v1/events', body)));
      expect(answers.map(({ status }) => status)).toEqual(bodies.map(() => 422));
    }),
    { numRuns: 60 },
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(brokenEvent(location), { minLength: 1, maxLength: 8 }),
      anything,
      async (events, more) => {
        const answers = await Promise.all([
          ...events.map((event) => service.api.post('/v1/events', event)),
          service.api.post('/v1/events', [newEvent(location), ...events]),
          service.api.post('/v1/events', [...events, more]),
        ]);
        expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([422]));
      },
    ),
    { numRuns: 60 },
  );
  expect(await dumpDatabase(service.databaseUrl)).toBe(before);
});

/** A valid event with one member taken away, or replaced by a value that it cannot have. */
function brokenEvent(location: string) {
  const noNumber = fc.oneof(
    fc.string(),
    fc.double({ noInteger: true }),
    fc.integer({ max: -1 }),
    fc.constantFrom(null, true, [], {}, 2 ** 53, 1e308),
  );
  const noText = fc.oneof(fc.string({ unit: 'binary' }), fc.integer(), fc.constantFrom(null, true, [], {}));
  return fc
    .oneof(
      fc.record({ member: fc.constantFrom('stations', 'customerid'), value: noNumber }),
      fc.record({ member: fc.constantFrom('uuid', 'action', 'locationId'), value: noText }),
      fc.record({
        member: fc.constantFrom('uuid', 'action', 'locationId', 'stations'),
        value: fc.constant(undefined),
      }),
      fc.record({ member: fc.constant('id'), value: noText }),
    )
    .map(({ member, value }) => ({ ...newEvent(location), [member]: value }));
}

it('random mixes of new, repeated and unknown events in parallel requests are stored all or nothing, once, without gaps', async () => {
  const known = fc.record({ kind: fc.constant('known'), location: fc.nat(2), id: fc.option(fc.nat(12)) });
  const unknown = fc.constant({ kind: 'unknown', location: 0, id: null });
  const request = fc.array(fc.oneof({ weight: 12, arbitrary: known }, { weight: 1, arbitrary: unknown }), {
    minLength: 1,
    maxLength: 12,
  });
  const requests = fc.array(request, { minLength: 1, maxLength: 25 });
  await fc.assert(
    fc.asyncProperty(requests, async (plan) => {
      const locations = await Promise.all([makeLocation(), makeLocation(), makeLocation()]);
      const ids = Array.from({ length: 13 }, () => randomUUID());
      const bodies = plan.map((events) =>
        events.map(({ kind, location, id }) =>
          newEvent(kind === 'unknown' ? 'nowhere' : (locations[location] ?? ''), {
            id: ids[id ?? -1] ?? randomUUID(),
          }),
        ),
      );
      const answers = await Promise.all(bodies.map((body) => service.api.post('/v1/events', body)));
      const isKnown = plan.map((events) => events.every(({ kind }) => kind === 'known'));
      expect(answers.map(({ status }) => status)).toEqual(isKnown.map((known) => (known ? 202 : 422)));
      await expectLogs(
        locations,
        bodies.filter((_, n) => isKnown[n]),
        answers.filter((_, n) => isKnown[n]),
      );
    }),
    { numRuns: 25 },
  );
});

type Sent = { id: string; uuid: string; locationId: string };
type Stored = { id: string; uuid: string; sequence: number };

/** The logs hold just what was accepted, and every answer told the truth about them. */
async function expectLogs(locations: string[], bodies: Sent[][], answers: Answer[]): Promise<void> {
  const sent = bodies.flat();
  const answered: { id: string; locationId: string; sequence: number }[] = answers.flatMap(
    ({ body }) => body.events,
  );
  expect(answered.map(({ id, locationId }) => ({ id, locationId }))).toEqual(
    sent.map(({ id, locationId }) => ({ id, locationId })),
  );
  let stored = 0;
  for (const location of locations) {
    const { body } = await service.api.get(`/v1/locations/${location}/events?limit=1000`);
    const log: Stored[] = body.items;
    stored += log.length;
    expect(log.map(({ sequence }) => sequence)).toEqual(log.map((_, n) => n + 1));
    const own = answered.filter(({ locationId }) => locationId === location);
    expect(new Set(log.map(({ id }) => id))).toEqual(new Set(own.map(({ id }) => id)));
    for (const { id, sequence } of own) expect(log[sequence - 1]?.id).toBe(id);
    // An event is stored as one of those sent with its id, never as a mixture.
    for (const { id, uuid } of log)
      expect(
        sent.some((event) => event.id === id && event.locationId === location && event.uuid === uuid),
      ).toBe(true);
  }
  expect(answers.reduce((sum, { body }) => sum + body.accepted, 0)).toBe(stored);
  for (const { body } of answers) expect(body.accepted + body.duplicates).toBe(body.events.length);
}

const makeLocation = () => addLocation(service.api);
