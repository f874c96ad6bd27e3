import { describe, expect, test, vi } from 'vitest';
import { startNameServer } from '../delivery/name-server.ts';
import { expectGapless } from '../support/arrivals.ts';
import type { Api } from '../support/api.ts';
import { ask } from '../support/own-resolver.ts';
import {
  drip,
  type Receiver,
  reset,
  sayNothing,
  startRawReceiver,
  startReceiver,
} from '../support/receiver.ts';
import { running, setStage } from '../support/stage.ts';
import { addEndpoint, addLocation, handOver, newEvent } from '../support/venue.ts';

vi.mock('../../src/delivery/resolve.ts', () => import('../support/own-resolver.ts'));

/** What a receiver that hangs takes of its own lane. Whoever had to wait for one would need this, or more. */
const hangingMs = 2000;

async function addLocations(api: Api, count: number): Promise<string[]> {
  return Promise.all(Array.from({ length: count }, () => addLocation(api)));
}

/**
 * Hands an event to each location, again and again: always when the healthy endpoints, one at each, have got the last.
 * @returns the median of the times that a round takes.
 */
async function medianRoundMs(api: Api, healthy: Receiver, locationIds: string[]): Promise<number> {
  const times: number[] = [];
  for (let round = 1; round <= 9; round += 1) {
    const beganAt = performance.now();
    await handOver(
      api,
      locationIds.map((locationId) => newEvent(locationId)),
    );
    await healthy.received(round * locationIds.length);
    times.push(performance.now() - beganAt);
  }
  return times.toSorted((a, b) => a - b)[4] ?? Number.POSITIVE_INFINITY;
}

describe('isolated', () => {
  test('hundreds of hanging, dead and hostile endpoints delay no healthy one, in their own location or another', async () => {
    const { start } = await setStage();
    const { api } = await start();
    const healthy = await running(startReceiver());
    const hanging = await running(startRawReceiver(sayNothing));
    const resetting = await running(startRawReceiver(reset));
    const dripping = await running(startRawReceiver(drip('HTTP/1.1 200 OK\r\n', 'x: y\r\n', 100)));
    const dead = await startReceiver();
    await dead.stop();

    const crowded = await addLocations(api, 20);
    const quiet = await addLocations(api, 5);
    const bad = [...Array<string>(10).fill(hanging.url), resetting.url, dripping.url, dead.url];
    for (const locationId of crowded) await Promise.all(bad.map((url) => addEndpoint(api, locationId, url)));
    for (const locationId of [...crowded, ...quiet])
      await addEndpoint(api, locationId, `${healthy.url}/${locationId}`);

    expect(await medianRoundMs(api, healthy, [...crowded, ...quiet])).toBeLessThan(hangingMs / 2);
    expectGapless(healthy.requests);
    await hanging.opened(200);
  });

  test('names that are never resolved delay no other name and no address', async () => {
    const { start } = await setStage();
    const nameServer = await running(startNameServer({ a: 'silent', aaaa: 'silent' }));
    ask(nameServer);
    const { api } = await start();
    const healthy = await running(startReceiver());
    const locationIds = await addLocations(api, 20);
    for (const [index, locationId] of locationIds.entries()) {
      for (const name of ['one', 'two', 'three'])
        await addEndpoint(api, locationId, `http://${name}.venue-${index}.example.com/`);
      await addEndpoint(api, locationId, `${healthy.url}/${locationId}`);
    }
    expect(await medianRoundMs(api, healthy, locationIds)).toBeLessThan(hangingMs / 2);
    await expect.poll(() => nameServer.asked.length).toBeGreaterThanOrEqual(60);
    expectGapless(healthy.requests);
  });

  test('a receiver that answers late in its lane delays no other lane of its own host', async () => {
    const { start } = await setStage();
    const { api } = await start();
    const receiver = await running(startReceiver());
    receiver.answerWith(({ url }, response) => {
      if (url !== '/late') response.writeHead(204).end();
    });
    const [locationId = ''] = await addLocations(api, 1);
    await addEndpoint(api, locationId, `${receiver.url}/late`);
    await addEndpoint(api, locationId, `${receiver.url}/quick`);
    const beganAt = performance.now();
    for (let count = 1; count <= 5; count += 1) {
      await handOver(api, newEvent(locationId));
      await receiver.received(count + 1);
    }
    expect(performance.now() - beganAt).toBeLessThan(hangingMs);
    expectGapless(receiver.requests);
  });
});
