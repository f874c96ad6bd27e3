import { describe, expect, test } from 'vitest';
import type { Api } from '../support/api.ts';
import { startReceiver } from '../support/receiver.ts';
import { running, setStage } from '../support/stage.ts';
import { addEndpoint, addLocation, addVenue, handOver, newEvent, newEvents } from '../support/venue.ts';

/** A URL where nobody listens. */
async function deadUrl(): Promise<string> {
  const receiver = await startReceiver();
  await receiver.stop();
  return receiver.url;
}

/** Reads page after page, as an integration does that was down. */
async function catchUp(
  api: Api,
  locationId: string,
  after: number,
): Promise<{ id: string; sequence: number }[]> {
  const items: { id: string; sequence: number }[] = [];
  let cursor: string | null = String(after);
  while (cursor !== null) {
    const { body } = await api.get(`/v1/locations/${locationId}/events?after=${cursor}&limit=100`);
    items.push(...body.items);
    cursor = body.nextCursor;
  }
  return items;
}

describe('survivable', { timeout: 90_000 }, () => {
  test('an integration that was down reads exactly what it missed, in order', async () => {
    const { start, ledger } = await setStage();
    const receiver = await running(startReceiver());
    const { api } = await start();
    const locationId = await addLocation(api);
    const endpoint = await addEndpoint(api, locationId, receiver.url);
    await handOver(api, newEvents(locationId, 3));
    const [received] = await receiver.received(1);
    await ledger.settled();
    await api.patch(endpoint.path, { url: await deadUrl() });
    const missed = newEvents(locationId, 250);
    await handOver(api, missed);
    await ledger.settled();

    const lastSequence = Number(received?.headers['bellhop-sequence']?.toString().split('-')[1]);
    expect(lastSequence).toBe(3);
    const read = await catchUp(api, locationId, lastSequence);
    expect(read.map(({ sequence }) => sequence)).toEqual(missed.map((_, index) => 4 + index));
    expect(read).toMatchObject(missed);
    expect(await catchUp(api, locationId, 253)).toEqual([]);
  });

  test('a resent delivery is a new one with the same events, byte for byte, and changes nothing of the original', async () => {
    const { start, ledger } = await setStage();
    const receiver = await running(startReceiver());
    receiver.answerWith((_request, response) => response.writeHead(500).end());
    const { api } = await start();
    const locationId = await addLocation(api, 'Before "it" was renamed');
    await addEndpoint(api, locationId, receiver.url, { actions: ['create'] });
    await handOver(api, [
      ...newEvents(locationId, 2),
      newEvent(locationId, { action: 'delete' }),
      newEvent(locationId),
    ]);
    await ledger.settled();
    const [original] = await ledger.deliveries(locationId);
    const path = `/v1/locations/${locationId}/deliveries/${original?.id}`;
    const inFull = await api.get(path);

    // The world has moved on: it is still what was sent then.
    await api.put(`/v1/locations/${locationId}`, { title: 'Renamed' });
    receiver.answerWith((_request, response) => response.writeHead(204).end());
    const resent = await api.post(`${path}/resend`);
    expect(resent.status).toBe(201);
    expect(resent.body).toMatchObject({ outcome: 'delivered', resendOf: original?.id, events: 3 });
    const requests = await receiver.received(2);
    expect(new Set(requests.map(({ body }) => body)).size).toBe(1);
    expect(requests.map(({ headers }) => headers['bellhop-sequence'])).toEqual(['1-4', '1-4']);
    expect(requests.map(({ headers }) => headers['webhook-id'])).toEqual([original?.id, resent.body.id]);
    expect(resent.body.id).not.toBe(original?.id);

    expect((await api.get(path)).body).toEqual(inFull.body);
    expect((await ledger.deliveries(locationId))[0]).toEqual(original);
    expect(await ledger.unaccounted()).toEqual([]);
  });

  test('the deliveries of a range that ended badly are resent in order, each once, and no others', async () => {
    const { start, ledger } = await setStage();
    const receiver = await running(startReceiver());
    const { api } = await start();
    const locationId = await addLocation(api);
    const endpoint = await addEndpoint(api, locationId, receiver.url);
    const statuses = [500, 204, 503, 204, 404];
    for (const [index, status] of statuses.entries()) {
      receiver.answerWith((_request, response) => response.writeHead(status).end());
      await handOver(api, newEvent(locationId));
      await ledger.ended(locationId, index + 1);
    }
    const originals = await ledger.deliveries(locationId);
    const [from = '', to = ''] = (await api.get(`/v1/locations/${locationId}/deliveries`)).body.items
      .toReversed()
      .map((delivery: { startedAt: string }) => delivery.startedAt);
    expect(from < to).toBe(true);

    receiver.answerWith((_request, response) => response.writeHead(204).end());
    const all = { from: '2000-01-01T00:00:00Z', to: '2100-01-01T00:00:00Z' };
    const { body } = await api.post(`${endpoint.path}/resend`, { ...all, outcomes: ['failed', 'timed_out'] });
    expect(body.resends).toBe(3);
    await receiver.received(8);
    await ledger.settled();
    const sequences = receiver.requests.map(({ headers }) => headers['bellhop-sequence']);
    expect(sequences).toEqual(['1-1', '2-2', '3-3', '4-4', '5-5', '1-1', '3-3', '5-5']);
    expect(receiver.requests.slice(5).map((request) => request.body)).toEqual(
      [0, 2, 4].map((index) => receiver.requests[index]?.body),
    );
    const deliveries = await ledger.deliveries(locationId);
    expect(deliveries.slice(0, 5)).toEqual(originals);
    expect(deliveries.slice(5).map(({ resendOf }) => resendOf)).toEqual(
      [0, 2, 4].map((index) => originals[index]?.id),
    );
    // The first delivery alone began before the second: `from` is inside the range, `to` is not.
    expect((await api.post(`${endpoint.path}/resend`, { from, to })).body.resends).toBe(1);
    await receiver.received(9);
  });

  test('what a killed process left abandoned can be resent by hand', async () => {
    const { spawn, ledger } = await setStage();
    const receiver = await running(startReceiver());
    const killed = await spawn();
    receiver.answerWith(() => {});
    const locationId = await addVenue(killed.api, receiver.url);
    await handOver(killed.api, newEvent(locationId));
    await receiver.received(1);
    await killed.end('SIGKILL');
    receiver.answerWith((_request, response) => response.writeHead(204).end());
    const { api } = await spawn();
    const [abandoned] = await ledger.ended(locationId, 1);
    expect(abandoned).toMatchObject({ outcome: 'abandoned', reason: 'crashed' });
    const resent = await api.post(`/v1/locations/${locationId}/deliveries/${abandoned?.id}/resend`);
    expect(resent.body).toMatchObject({ outcome: 'delivered', resendOf: abandoned?.id });
    const [first, second] = await receiver.received(2);
    expect(second?.body).toBe(first?.body);
  });
});
