import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { setStage } from '../support/stage.ts';
import { until } from '../support/until.ts';
import { addEndpoint, addLocation, handOver, newEvent } from '../support/venue.ts';

let service: TestService;
let receiver: Receiver;
let location: string;
beforeAll(async () => {
  service = await startTestService();
});
afterAll(() => service.stop());
beforeEach(async () => {
  receiver = await startReceiver();
  location = await addLocation(service.api);
  return () => receiver.stop();
});

describe('the trace of a session', () => {
  it('tells of every event which deliveries carry it, who skipped it and why', async () => {
    const uuid = randomUUID();
    await handOver(service.api, newEvent(location, { uuid }));
    const all = await addEndpoint(service.api, location, receiver.url);
    const deletes = await addEndpoint(service.api, location, receiver.url, { actions: ['delete'] });
    const paused = await addEndpoint(service.api, location, receiver.url, { enabled: false });
    await handOver(service.api, [newEvent(location, { uuid }), newEvent(location)]);
    await handOver(service.api, newEvent(location, { uuid, action: 'delete' }));

    const items = await settledTrace(uuid);
    expect(items.map(({ sequence, action }) => [sequence, action])).toEqual([
      [1, 'create'],
      [2, 'create'],
      [4, 'delete'],
    ]);
    const told = items.map(({ deliveries, skipped }) => ({
      sent: deliveries.map(({ endpointId }) => endpointId).toSorted(),
      skipped: skipped.toSorted((a, b) => a.reason.localeCompare(b.reason)),
    }));
    expect(told).toEqual([
      { sent: [], skipped: [{ endpointId: null, reason: 'no_endpoint' }] },
      {
        sent: [all.id],
        skipped: [
          { endpointId: deletes.id, reason: 'filtered' },
          { endpointId: paused.id, reason: 'paused' },
        ],
      },
      { sent: [all.id, deletes.id].toSorted(), skipped: [{ endpointId: paused.id, reason: 'paused' }] },
    ]);
    expect(items[1]?.deliveries[0]).toMatchObject({ outcome: 'delivered', statusCode: 204 });

    // What is over does not change when the endpoints do.
    await service.api.patch(paused.path, { enabled: true });
    await service.api.delete(deletes.path);
    const later = await settledTrace(uuid);
    expect(later.map(({ skipped }) => skipped.map(({ reason }) => reason).toSorted())).toEqual([
      ['no_endpoint'],
      ['filtered', 'paused'],
      ['paused'],
    ]);
  });

  it('shows a resend beside its original', async () => {
    await addEndpoint(service.api, location, receiver.url);
    const event = newEvent(location);
    await handOver(service.api, event);
    const [item] = await settledTrace(event.uuid);
    const original = item?.deliveries[0];
    await service.api.post(`/v1/locations/${location}/deliveries/${original?.id}/resend`);
    const [again] = await settledTrace(event.uuid);
    expect(again?.deliveries.map(({ resendOf }) => resendOf)).toEqual([null, original?.id]);
    expect(again?.skipped).toEqual([]);
  });

  it('shows what still waits, and what expired while it did', async () => {
    const stage = await setStage();
    const { api } = await stage.start({ ROLE: 'api' });
    location = await addLocation(api);
    const endpoint = await addEndpoint(api, location, receiver.url);
    const event = newEvent(location);
    await handOver(api, event);
    const [waiting] = await trace(event.uuid, api);
    expect(waiting).toMatchObject({ deliveries: [], skipped: [], pending: [{ endpointId: endpoint.id }] });

    await stage.sql`update events set accepted_at = now() - interval '25 hours' where id = ${event.id}`;
    await stage.start({ ROLE: 'dispatcher' });
    const [expired] = await settledTrace(event.uuid, api);
    expect(expired).toMatchObject({
      deliveries: [],
      skipped: [{ endpointId: endpoint.id, reason: 'expired' }],
    });
    expect(receiver.requests).toEqual([]);
  });

  it('skips what a deleted endpoint was still to be sent', async () => {
    const { api } = await (await setStage()).start({ ROLE: 'api' });
    location = await addLocation(api);
    const endpoint = await addEndpoint(api, location, receiver.url);
    const [missed, later] = [newEvent(location), newEvent(location)];
    await handOver(api, missed);
    await api.delete(endpoint.path);
    await handOver(api, later);
    const noEndpoint = [{ endpointId: endpoint.id, reason: 'no_endpoint' }];
    expect(await trace(missed.uuid, api)).toMatchObject([
      { deliveries: [], pending: [], skipped: noEndpoint },
    ]);
    expect(await trace(later.uuid, api)).toMatchObject([
      { skipped: [{ endpointId: null, reason: 'no_endpoint' }] },
    ]);
  });

  it('is empty for a session that has no events here', async () => {
    expect(await trace(randomUUID())).toEqual([]);
  });

  it('reads the session id in upper case, and pages', async () => {
    const uuid = randomUUID();
    await handOver(service.api, [
      newEvent(location, { uuid }),
      newEvent(location),
      newEvent(location, { uuid }),
    ]);
    const path = `/v1/locations/${location}/events?uuid=${uuid.toUpperCase()}&limit=1`;
    const first = await service.api.get(path);
    expect(first.body.items).toMatchObject([{ uuid, sequence: 1 }]);
    const second = await service.api.get(`${path}&cursor=${first.body.nextCursor}`);
    expect(second.body).toMatchObject({ items: [{ sequence: 3 }], nextCursor: null });
  });

  it('holds as many events as a page may have', async () => {
    await addEndpoint(service.api, location, receiver.url);
    const uuid = randomUUID();
    await handOver(
      service.api,
      Array.from({ length: 1000 }, () => newEvent(location, { uuid })),
    );
    const items = await settledTrace(uuid);
    expect(items).toHaveLength(1000);
    for (const { deliveries, skipped } of items) expect([deliveries.length, skipped.length]).toEqual([1, 0]);
  });
});

type Traced = {
  sequence: number;
  action: string;
  deliveries: { id: string; endpointId: string; outcome: string; resendOf: string | null }[];
  skipped: { endpointId: string | null; reason: string }[];
  pending: { endpointId: string }[];
};

async function trace(uuid: string, api = service.api): Promise<Traced[]> {
  const { status, body } = await api.get(`/v1/locations/${location}/events?uuid=${uuid}&limit=1000`);
  expect(status).toBe(200);
  return body.items;
}

const isSettled = ({ pending, deliveries }: Traced) =>
  pending.length === 0 && deliveries.every(({ outcome }) => outcome !== 'sending');

/** The trace once nothing of it is pending or under way. */
async function settledTrace(uuid: string, api = service.api): Promise<Traced[]> {
  return until('nothing is pending', async () => {
    const items = await trace(uuid, api);
    return items.every(isSettled) && items;
  });
}
