import type postgres from 'postgres';
import { Webhook } from 'standardwebhooks';
import { describe, expect, test } from 'vitest';
import { expectGapless, expectOnce, uuidsOf } from '../support/arrivals.ts';
import { breathe } from '../support/breathe.ts';
import { type ReceivedRequest, startReceiver } from '../support/receiver.ts';
import { type ServiceProcess } from '../support/service.ts';
import { running, setStage, type Stage } from '../support/stage.ts';
import { until } from '../support/until.ts';
import { addEndpoint, addLocation, addVenue, handOver, newEvent } from '../support/venue.ts';

/** What becomes of a statement whose process is killed while it waits in the database. */
const fates = [
  { fate: 'goes on in the database', isLost: false },
  { fate: 'ends in the database', isLost: true },
];

/** Kills a process while a statement of it with `text` waits for what `lock` holds, and then lets it go on or end. */
async function killWhileWaiting(
  { sql }: Stage,
  { killed, text, isLost, act }: { killed: ServiceProcess; text: string; isLost: boolean; act: () => void },
  lock: (tx: postgres.Sql) => Promise<unknown>,
): Promise<void> {
  const tx = await sql.reserve();
  await tx`begin`;
  await lock(tx);
  act();
  const backend = await until('a statement waits', async () => {
    const [row] = await sql<{ pid: number }[]>`
      select pid from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock' and query like ${`%${text}%`}`;
    return row?.pid;
  });
  await killed.end('SIGKILL');
  if (isLost) await sql`select pg_terminate_backend(${backend}, 5000)`;
  await tx`rollback`;
  tx.release();
  await until('it has ended', async () => {
    const rows = await sql`select from pg_stat_activity where pid = ${backend} and state <> 'idle'`;
    return rows.length === 0;
  });
}

function verifies(secret: string, { headers, body }: ReceivedRequest): boolean {
  const names = ['webhook-id', 'webhook-timestamp', 'webhook-signature'];
  try {
    new Webhook(secret).verify(body, Object.fromEntries(names.map((name) => [name, String(headers[name])])));
    return true;
  } catch {
    return false;
  }
}

describe('a kill', { timeout: 120_000 }, () => {
  test.each(fates)(
    'in a claim that $fate: the event is abandoned or sent, never both, and the next one is sent',
    async ({ isLost }) => {
      const stage = await setStage();
      const receiver = await running(startReceiver());
      const killed = await stage.spawn();
      const locationId = await addVenue(killed.api, receiver.url);
      // Once before, so that the statement is prepared and waits in the middle of it, not before its beginning.
      await handOver(killed.api, newEvent(locationId));
      await stage.ledger.ended(locationId, 1);
      const [first, next] = [newEvent(locationId), newEvent(locationId)];
      const act = () => void handOver(killed.api, first).catch(() => {});
      await killWhileWaiting(stage, { killed, text: 'as waiting_id', isLost, act }, async (tx) => {
        // The claim moves the cursor of an endpoint that it could lock: only the table is held.
        await tx`lock table skips in access exclusive mode`;
      });
      const { api } = await stage.spawn();
      await handOver(api, next);
      await stage.ledger.settled();
      const outcomes = (await stage.ledger.deliveries(locationId)).map(({ outcome }) => outcome);
      expect(outcomes.slice(0, 1)).toEqual(['delivered']);
      expect(outcomes.at(-1)).toBe('delivered');
      const received = uuidsOf(receiver.requests);
      expect(received.includes(first.uuid)).toBe(!outcomes.includes('abandoned'));
      expect(received).toContain(next.uuid);
      expectOnce(receiver.requests);
      expect(await stage.ledger.unaccounted()).toEqual([]);
    },
  );

  test.each(fates)('in a resend that $fate: nothing was stored, and nothing is sent', async ({ isLost }) => {
    const stage = await setStage();
    const receiver = await running(startReceiver());
    const killed = await stage.spawn();
    const locationId = await addVenue(killed.api, receiver.url);
    await handOver(killed.api, newEvent(locationId));
    const [original] = await stage.ledger.ended(locationId, 1);
    const path = `/v1/locations/${locationId}/deliveries/${original?.id}/resend`;
    const act = () => void killed.api.post(path).catch(() => {});
    await killWhileWaiting(
      stage,
      { killed, text: 'resend_of, range_id)', isLost, act },
      (tx) => tx`select from endpoints where location_id = ${locationId} for update`,
    );
    const { api } = await stage.spawn();
    await stage.ledger.settled();
    await handOver(api, newEvent(locationId));
    await stage.ledger.settled();
    const resends = receiver.requests.filter(({ body }) => body === receiver.requests[0]?.body).slice(1);
    // The process was to commit it, with its entry in the audit log.
    expect(resends).toHaveLength(0);
    expect(new Set(receiver.requests.map(({ headers }) => headers['webhook-id'])).size).toBe(
      receiver.requests.length,
    );
    expect(await stage.ledger.unaccounted()).toEqual([]);
  });

  test.each(fates)(
    'in a rotation of a secret that $fate: what the receiver has goes on to verify',
    async ({ isLost }) => {
      const stage = await setStage();
      const receiver = await running(startReceiver());
      const killed = await stage.spawn();
      const locationId = await addLocation(killed.api);
      const endpoint = await addEndpoint(killed.api, locationId, receiver.url);
      const act = () => void killed.api.post(`${endpoint.path}/rotate-secret`).catch(() => {});
      await killWhileWaiting(
        stage,
        { killed, text: 'from "endpoints"', isLost, act },
        (tx) => tx`select from endpoints where location_id = ${locationId} for update`,
      );
      const { api } = await stage.spawn();
      await handOver(api, newEvent(locationId));
      const [request] = await receiver.received(1);
      expect(request && verifies(endpoint.secret, request)).toBe(true);
      const signatures = String(request?.headers['webhook-signature']).split(' ');
      expect(signatures).toHaveLength(1);
      const rotated = await api.post(`${endpoint.path}/rotate-secret`);
      await handOver(api, newEvent(locationId));
      const [, second] = await receiver.received(2);
      expect(second && verifies(rotated.body.secret, second)).toBe(true);
      expectGapless(receiver.requests);
    },
  );

  test('SIGTERM under load: everything in flight is recorded, nothing is abandoned, and the next process goes on', async () => {
    const { spawn, ledger } = await setStage();
    const receiver = await running(startReceiver());
    const answering = new Set<NodeJS.Timeout>();
    receiver.answerWith((_request, response) => {
      const timer = setTimeout(() => {
        answering.delete(timer);
        response.writeHead(204).end();
      }, 30);
      answering.add(timer);
    });
    let service = await spawn();
    const locationIds = await Promise.all(
      Array.from({ length: 8 }, (_, n) => addVenue(service.api, `${receiver.url}/${n}`)),
    );
    const accepted: string[] = [];
    for (let round = 1; round <= 2; round += 1) {
      const { api, child } = service;
      const load = locationIds.map(async (locationId) => {
        while (child.exitCode === null) {
          const event = newEvent(locationId);
          if (await handOver(api, event).catch(() => null)) accepted.push(event.id);
          await breathe();
        }
      });
      await receiver.received(receiver.requests.length + 60);
      expect(await service.end('SIGTERM')).toBe(0);
      await Promise.all(load);
      const sending = (await ledger.deliveries()).filter(({ outcome }) => outcome !== 'delivered');
      expect(sending).toEqual([]);
      service = await spawn();
    }
    await ledger.settled();
    expectGapless(receiver.requests);
    expect(await ledger.unaccounted()).toEqual([]);
    expect(await ledger.gaps()).toEqual([]);
    const stored = (await Promise.all(locationIds.map((id) => ledger.events(id)))).flat();
    expect(new Set(stored.map(({ id }) => id))).toEqual(new Set(accepted));
  });
});
