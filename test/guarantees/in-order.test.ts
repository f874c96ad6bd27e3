import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { byPath, expectGapless, expectOnceInOrder, uuidsOf } from '../support/arrivals.ts';
import { type Answer, startReceiver } from '../support/receiver.ts';
import { running, setStage } from '../support/stage.ts';
import { addEndpoint, addLocation, addVenue, handOver, newEvent, newEvents } from '../support/venue.ts';

/** Answers after a moment, with statuses good and bad, and counts how many requests a path ever had at the same time. */
function measureOverlap(): { answer: Answer; most: () => number } {
  const inFlight = new Map<string, number>();
  let most = 0;
  let answered = 0;
  return {
    most: () => most,
    async answer({ url }, response) {
      const now = (inFlight.get(url) ?? 0) + 1;
      inFlight.set(url, now);
      most = Math.max(most, now);
      answered += 1;
      await delay(answered % 7);
      inFlight.set(url, (inFlight.get(url) ?? 0) - 1);
      response.writeHead(answered % 3 === 0 ? 503 : 204).end();
    },
  };
}

describe('in order', { timeout: 90_000 }, () => {
  test('accepted and sent by two processes: every endpoint gets 1, 2, 3 ... and one POST at a time', async () => {
    const { spawn, ledger } = await setStage();
    const receiver = await running(startReceiver());
    const { answer, most } = measureOverlap();
    receiver.answerWith(answer);
    const processes = await Promise.all([spawn(), spawn()]);
    const [{ api }] = processes;
    const locationIds = [await addLocation(api), await addLocation(api)];
    for (const locationId of locationIds)
      for (const name of ['a', 'b'])
        await addEndpoint(api, locationId, `${receiver.url}/${locationId}/${name}`);

    const callers = Array.from({ length: 8 }, async (_, caller) => {
      for (let round = 0; round < 25; round += 1) {
        const { api } = processes[(caller + round) % 2] ?? processes[0];
        const locationId = locationIds[caller % 2] ?? '';
        await handOver(api, newEvents(locationId, 1 + (round % 4)));
      }
    });
    await Promise.all(callers);
    await ledger.settled();

    expect(await ledger.gaps()).toEqual([]);
    expect(most()).toBe(1);
    expect(byPath(receiver.requests)).toHaveLength(4);
    expectGapless(receiver.requests);
    for (const lane of byPath(receiver.requests)) {
      const [, locationId = ''] = lane[0]?.url.split('/') ?? [];
      expect(uuidsOf(lane)).toEqual((await ledger.events(locationId)).map((event) => event.uuid));
    }
  });

  test('a commit that takes long holds up later events of its location, which then follow in order, and no others', async () => {
    const { spawn, sql, ledger } = await setStage();
    const receiver = await running(startReceiver());
    const [one, other] = await Promise.all([spawn(), spawn()]);
    const slow = await addVenue(one.api, `${receiver.url}/slow`);
    const quick = await addVenue(one.api, `${receiver.url}/quick`);
    const early = newEvent(slow);
    const late = [newEvent(slow), newEvent(slow)] as const;

    // The core app accepts an event in a transaction of its own, and leaves it open for a while.
    const waiting: Promise<unknown>[] = [];
    await sql.begin(async (coreApp) => {
      await coreApp`
        with bumped as (
          update locations set last_sequence = last_sequence + 1 where id = ${slow} returning last_sequence
        )
        insert into events (location_id, sequence, id, uuid, action, stations, customerid)
        select ${slow}, last_sequence, ${early.id}, ${early.uuid}, 'create', 1, 7685 from bumped`;
      await handOver(one.api, newEvents(quick, 3));
      waiting.push(handOver(one.api, late[0]), handOver(other.api, [late[1], ...newEvents(quick, 2)]));
      // What came later is answered before; a request is stored whole, so the quick events of the second one wait too.
      for (const { api } of [one, other]) await handOver(api, newEvent(quick));
      expect(await ledger.events(quick)).toHaveLength(5);
      expect(await ledger.events(slow)).toHaveLength(0);
    });
    await Promise.all(waiting);
    await ledger.settled();

    expectGapless(receiver.requests);
    const sent = uuidsOf(receiver.requests.filter((request) => request.url === '/slow'));
    expect(sent[0]).toBe(early.uuid);
    expect(sent.toSorted()).toEqual([early, ...late].map((event) => event.uuid).toSorted());
    expect(await ledger.gaps()).toEqual([]);
  });

  test('requests that name locations in any order neither wait for each other forever nor leave gaps', async () => {
    const { spawn, ledger } = await setStage();
    const receiver = await running(startReceiver());
    const [one, other] = await Promise.all([spawn(), spawn()]);
    const locationIds = await Promise.all(
      Array.from({ length: 6 }, (_, n) => addVenue(one.api, `${receiver.url}/${n}`)),
    );
    const reversed = locationIds.toReversed();
    const rounds = Array.from({ length: 30 }, async () => {
      await Promise.all([
        handOver(
          one.api,
          locationIds.map((locationId) => newEvent(locationId)),
        ),
        handOver(
          other.api,
          reversed.map((locationId) => newEvent(locationId)),
        ),
      ]);
    });
    await Promise.all(rounds);
    await ledger.settled();
    expect(await ledger.gaps()).toEqual([]);
    expectGapless(receiver.requests);
    expect(uuidsOf(receiver.requests)).toHaveLength(30 * 2 * locationIds.length);
  });

  test('a transaction that is rolled back leaves no gap', async () => {
    const { start, sql, ledger } = await setStage();
    const receiver = await running(startReceiver());
    const { api } = await start();
    const locationId = await addVenue(api, receiver.url);
    await handOver(api, newEvent(locationId));
    const rolledBack = sql.begin(async (coreApp) => {
      await coreApp`update locations set last_sequence = last_sequence + 1 where id = ${locationId}`;
      throw new Error('The core app changed its mind.');
    });
    await expect(rolledBack).rejects.toThrow('changed its mind');
    expect(await handOver(api, newEvent(locationId))).toMatchObject([{ sequence: 2 }]);
    await ledger.settled();
    expectGapless(receiver.requests);
    expectOnceInOrder(receiver.requests);
  });
});
