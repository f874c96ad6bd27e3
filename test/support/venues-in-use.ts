import { randomUUID } from 'node:crypto';
import postgres from 'postgres';
import { v7 } from 'uuid';
import { endedRuns, makeFlow, registerWebhook } from '../flows/flow.ts';
import type { Api } from './api.ts';
import type { Receiver } from './receiver.ts';
import { addEndpoint } from './venue.ts';

/** How a delivery of the past ended. */
type Ending = {
  outcome: 'delivered' | 'failed' | 'timed_out';
  reason: 'http_status' | 'timeout' | null;
  statusCode: number | null;
  durationMs: number;
};

type Service = { url: string; api: Api };

type Past = {
  locationId: string;
  /** Where its events went, and how each delivery ended: `hour` counts from 0, the oldest, to 23. */
  endpoints: { url: string; description: string; endingOf: (n: number, hour: number) => Ending }[];
};

const hours = 24;
const hourMs = 3_600_000;
/** Sessions that change in each hour of a day at a venue, the current hour last. */
const sessionsByHour = [6, 4, 2, 0, 0, 0, 0, 0, 1, 2, 5, 8, 11, 9, 7, 10, 13, 16, 14, 18, 22, 19, 12, 7];

const delivered = (n: number): Ending => ({
  outcome: 'delivered',
  reason: null,
  statusCode: 204,
  durationMs: 24 + ((n * 37) % 61),
});
const refused = (statusCode: number): Ending => ({
  outcome: 'failed',
  reason: 'http_status',
  statusCode,
  durationMs: 31,
});
const timedOut: Ending = { outcome: 'timed_out', reason: 'timeout', statusCode: null, durationMs: 2000 };

/**
 * Five venues as they are in life: `kamen-test` where all is well, with a flow; `berlin-mitte` with failures; `dortmund-west`, one of
 * whose webhooks keeps failing, and one was switched off for it; a new one; and one with long names.
 * @param databaseUrl the service's database: the last 24 hours are written into the log directly.
 * @param thirdParty answers what the flow asks, at `/vouchers`.
 */
export async function makeVenuesInUse(
  service: Service,
  databaseUrl: string,
  thirdParty: Receiver,
): Promise<void> {
  const sql = postgres(databaseUrl, { max: 1, onnotice: () => {} });
  try {
    await makePast(service.api, sql);
  } finally {
    await sql.end();
  }
  await makeVoucherFlow(service, thirdParty);
}

async function makePast(api: Api, sql: postgres.Sql): Promise<void> {
  for (const [id, title] of Object.entries(venues)) {
    const { status } = await api.put(`/v1/locations/${id}`, { title });
    if (status !== 200) throw new Error(`The location ${id} was refused.`);
  }
  await writePast(api, sql, {
    locationId: 'kamen-test',
    endpoints: [
      {
        url: 'https://booking.example.com/hooks/vr',
        description: 'The booking page',
        endingOf: delivered,
      },
      {
        url: 'https://till.example.com/api/sessions',
        description: 'The till, which opens the door',
        endingOf: delivered,
      },
    ],
  });
  await writePast(api, sql, {
    locationId: 'berlin-mitte',
    endpoints: [
      {
        url: 'https://crm.example.net/v2/inbound/webhooks/session-events?tenant=berlin-mitte-0042',
        description: 'Customer records',
        endingOf: (n, hour) => (hour > 17 && n % 5 !== 0 ? timedOut : delivered(n)),
      },
      {
        url: 'https://display.example.com/hooks',
        description: 'The display at the entrance',
        endingOf: (n) => (n % 29 === 0 ? refused(503) : delivered(n)),
      },
    ],
  });
  await writePast(api, sql, {
    locationId: 'dortmund-west',
    endpoints: [
      {
        url: 'https://booking.example.net/hooks/vr',
        description: 'The booking page',
        endingOf: delivered,
      },
      {
        url: 'https://lights.example.com/api/v1/sessions/changed?arena=west',
        description: 'The lights of the arena',
        endingOf: (n, hour) => (hour > 2 ? refused(502) : delivered(n)),
      },
      {
        url: 'https://old-till.example.com/hooks',
        description: 'The old till',
        endingOf: (n, hour) => (hour > 13 ? timedOut : delivered(n)),
      },
    ],
  });
  await sql`
    update endpoints
    set enabled = false, disabled_reason =
      'It failed for 8 hours without a success: this location has chosen that webhooks are then disabled. Enable it again when it is repaired.'
    where url like '%old-till%'`;
}

const venues = {
  'kamen-test': 'Kamen Test',
  'berlin-mitte': 'Berlin Mitte',
  'dortmund-west': 'Dortmund West',
  'new-venue': 'Hamburg Hafen',
  'the-venue-with-the-longest-id-that-a-booking-system-gives-it-123':
    'Virtual Reality Arcade & Escape Games at the Old Fire Station, Bad Neuenahr-Ahrweiler (Ground Floor)',
};

async function writePast(api: Api, sql: postgres.Sql, { locationId, endpoints }: Past): Promise<void> {
  const startMs = (Math.floor(Date.now() / hourMs) - hours + 1) * hourMs;
  const ids: string[] = [];
  for (const { url, description } of endpoints)
    ids.push((await addEndpoint(api, locationId, url, { description })).id);
  const events = sessionsByHour.flatMap((count, hour) =>
    Array.from({ length: count }, (_, n) => ({ at: timeOf(startMs, hour, n / count), hour })),
  );
  await sql.begin(async (tx) => {
    await tx`insert into events ${tx(events.map(({ at }, n) => eventOf(locationId, n + 1, at)))}`;
    await tx`update locations set last_sequence = ${events.length} where id = ${locationId}`;
    for (const [k, { url, endingOf }] of endpoints.entries()) {
      const endpoint = { locationId, endpointId: ids[k] ?? '', url };
      const endings = events.map(({ at, hour }, n) => ({ at, ...endingOf(n, hour) }));
      await tx`insert into deliveries ${tx(endings.map((ending, n) => deliveryOf(endpoint, n + 1, ending)))}`;
      const lastDelivered = endings.findLastIndex(isDelivered);
      const failuresInARow = endings.length - 1 - lastDelivered;
      await tx`
        update endpoints
        set cursor = ${events.length}, failures_in_a_row = ${failuresInARow},
          last_delivered_at = ${endings[lastDelivered]?.at ?? null},
          failing_since = ${endings[lastDelivered + 1]?.at ?? null},
          last_failed_at = ${endings.findLast((ending) => !isDelivered(ending))?.at ?? null}
        where location_id = ${locationId} and id = ${endpoint.endpointId}`;
    }
  });
}

/** A flow that asks a third party about a voucher; it ran twice, and failed once. */
async function makeVoucherFlow(service: Service, { url }: Receiver): Promise<void> {
  const locationId = 'kamen-test';
  for (const [id, path] of [
    ['check-voucher', '/vouchers'],
    ['note-result', '/notes'],
  ] as const)
    await registerWebhook(service.api, locationId, id, {
      url: `${url}${path}`,
      method: 'POST',
      headers: { authorization: 'Bearer secret' },
    });
  const flow = {
    steps: [
      { ref: 'res1', trigger: 'check-voucher', data: { code: '{{ web1.code }}' } },
      { ref: 'res2', trigger: 'note-result', data: { code: '{{ web1.code.upper() }}' } },
    ],
    response: { status: 200, body: '{"valid": {{ res1.valid }}}' },
  };
  const made = await makeFlow(service, flow, { locationId, name: 'voucher' });
  for (const event of [{ code: 'summer' }, { code: 42 }]) await made.send(event);
  await endedRuns(made, 2);
}

const isDelivered = ({ outcome }: Ending) => outcome === 'delivered';

/** A time in an hour of the past; those of the current hour lie before now. */
function timeOf(startMs: number, hour: number, share: number): Date {
  const fromMs = startMs + hour * hourMs;
  return new Date(fromMs + share * (Math.min(fromMs + hourMs, Date.now()) - fromMs));
}

function eventOf(locationId: string, sequence: number, at: Date) {
  return {
    location_id: locationId,
    sequence,
    id: randomUUID(),
    uuid: randomUUID(),
    action: sequence % 6 === 0 ? 'delete' : 'create',
    stations: 1 + (sequence % 4),
    customerid: 7000 + sequence,
    accepted_at: at,
  };
}

type Endpoint = { locationId: string; endpointId: string; url: string };

function deliveryOf(endpoint: Endpoint, sequence: number, { at, ...ending }: Ending & { at: Date }) {
  return {
    location_id: endpoint.locationId,
    id: v7({ msecs: at.getTime() }),
    endpoint_id: endpoint.endpointId,
    first_sequence: sequence,
    last_sequence: sequence,
    events: 1,
    title: 'Berlin Mitte',
    url: endpoint.url,
    outcome: ending.outcome,
    reason: ending.reason,
    status_code: ending.statusCode,
    connected_ms: 11,
    duration_ms: ending.durationMs,
    created_at: at,
    started_at: at,
    ended_at: new Date(at.getTime() + ending.durationMs),
  };
}
