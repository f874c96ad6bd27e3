import * as fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { withSql } from '../db/dump.ts';
import type { Answer } from '../support/api.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { until } from '../support/until.ts';
import { addEndpoint, addLocation, newEvent, newEvents } from '../support/venue.ts';

let service: TestService;
let receiver: Receiver;
beforeAll(async () => {
  service = await startTestService();
  receiver = await startReceiver();
});
afterAll(async () => {
  await service.stop();
  await receiver.stop();
});

const kinds = [
  'events',
  'event',
  'rename',
  'delete',
  'add',
  'list',
  'pause',
  'resume',
  'rotate',
  'test',
  'remove',
  'resend',
  'trace',
  'stats',
  'log',
] as const;
type Step = { kind: (typeof kinds)[number]; location: number; endpoint: number };

it('whatever people and the core app do to the same locations at once, nobody gets a 5xx and no sequence a gap', async () => {
  const step = fc.record({
    kind: fc.oneof(
      ...kinds.map((kind) => ({ arbitrary: fc.constant(kind), weight: kind === 'delete' ? 1 : 4 })),
    ),
    location: fc.nat(1),
    endpoint: fc.nat(5),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 60, maxLength: 150 }), async (steps) => {
      const locations = [await addLocation(service.api), await addLocation(service.api)];
      const endpoints = await Promise.all(
        Array.from({ length: 6 }, (_, n) => addEndpoint(service.api, locations[n % 2] ?? '', receiver.url)),
      );
      const answers = await Promise.all(
        steps.map((one) => take(one, locations[one.location] ?? '', endpoints[one.endpoint]?.path ?? '')),
      );
      const failed = answers.flatMap(({ status, body }, n) =>
        status >= 500 ? [{ step: steps[n], body }] : [],
      );
      expect(failed).toEqual([]);
      for (const location of locations) await expectNoGap(location);
      await expectNothingWaitsForever();
    }),
    { numRuns: 8 },
  );
});

async function take({ kind }: Step, location: string, endpoint: string): Promise<Answer> {
  const { api } = service;
  const path = `/v1/locations/${location}`;
  const range = { from: '2020-01-01T00:00:00Z', to: '2099-01-01T00:00:00Z' };
  const takes: Record<typeof kind, () => Promise<Answer>> = {
    events: () => api.post('/v1/events', newEvents(location, 20)),
    event: () => api.post('/v1/events', newEvent(location)),
    rename: () => api.put(path, { title: `Title ${endpoint}` }),
    delete: () => api.delete(path),
    add: () => api.post(`${path}/endpoints`, { url: receiver.url }),
    list: () => api.get(`${path}/endpoints`),
    pause: () => api.patch(endpoint, { enabled: false }),
    resume: () => api.patch(endpoint, { enabled: true }),
    rotate: () => api.post(`${endpoint}/rotate-secret`),
    test: () => api.post(`${endpoint}/test`),
    remove: () => api.delete(endpoint),
    resend: () => api.post(`${endpoint}/resend`, range),
    trace: () => api.get(`${path}/events?uuid=41509791-3de8-5bb9-b4fc-a9753da95aad`),
    stats: () => api.get(`${path}/stats`),
    log: () => api.get(`${path}/deliveries`),
  };
  return takes[kind]();
}

async function expectNoGap(location: string): Promise<void> {
  const [row] = await withSql(
    service.databaseUrl,
    (sql) => sql`
      select l.last_sequence = count(e.sequence) as whole, coalesce(max(e.sequence), 0) = l.last_sequence as newest
      from locations l
      left join events e on e.location_id = l.id
      where l.id = ${location}
      group by l.last_sequence`,
  );
  expect(row).toEqual({ whole: true, newest: true });
}

/** A test or resend whose endpoint was deleted in the same moment was dropped or refused. */
async function expectNothingWaitsForever(): Promise<void> {
  const waiting = await withSql(
    service.databaseUrl,
    (sql) => sql`
      select d.id
      from deliveries d
      join endpoints p on p.location_id = d.location_id and p.id = d.endpoint_id
      where d.started_at is null and p.deleted_at is not null`,
  );
  expect([...waiting]).toEqual([]);
}

it.each([
  { path: 'webhooks/w', shown: 'secret', saved: { url: 'https://example.com/', sign: true } },
  { path: 'flows/f', shown: 'token', saved: { status: 'live', response: { body: 'ok' } } },
])(
  'of two that save $path at once, where it is new, one is shown the $shown, and the other changes what is there',
  async ({ path, shown, saved }) => {
    const location = `/v1/locations/${await addLocation(service.api)}`;
    const [table = ''] = path.split('/');
    let puts: Promise<Answer>[] = [];
    await withSql(service.databaseUrl, (sql) =>
      sql.begin(async (tx) => {
        // Nobody can store one for now, and everybody sees that there is none.
        await tx`lock table ${tx(table)} in share row exclusive mode`;
        puts = [1, 2].map(() => service.api.put(`${location}/${path}`, saved));
        await until('both wait', async () => {
          const waiting = await tx`
          select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
          return waiting.length === 2;
        });
      }),
    );
    const answers = await Promise.all(puts);
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    expect(answers.filter(({ body }) => body[shown])).toHaveLength(1);
    const { body } = await service.api.get(`/v1/audit?locationId=${location.split('/').at(-1)}`);
    const saves = body.items.filter((entry: { action: string }) => entry.action.endsWith('.saved'));
    expect(saves.map(({ before }: { before: unknown }) => before === null)).toEqual([false, true]);
  },
);
