import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { expectGapless, expectOnce, uuidsOf } from '../support/arrivals.ts';
import { breathe } from '../support/breathe.ts';
import { startReceiver } from '../support/receiver.ts';
import { running, setStage } from '../support/stage.ts';
import { addVenue, handOver, newEvent, newEvents } from '../support/venue.ts';

const preload = (name: string) => `--import ${fileURLToPath(new URL(`../support/${name}`, import.meta.url))}`;
const dayMs = 86_400_000;

/** A process whose wall clock is not the database's. */
function shiftedBy(ms: number, at: 'start' | 'signal' = 'start') {
  return { NODE_OPTIONS: preload('shifted-clock.mjs'), CLOCK_SHIFT_MS: String(ms), CLOCK_SHIFT_AT: at };
}

describe('time', { timeout: 120_000 }, () => {
  test.each([dayMs, -dayMs])(
    'a clock that is %i ms beside the database, in one process of two: all is sent once, in order, and nothing expires or is abandoned',
    async (ms) => {
      const { spawn, ledger } = await setStage();
      const receiver = await running(startReceiver());
      const [right, wrong] = await Promise.all([spawn(), spawn(shiftedBy(ms))]);
      const locationIds = await Promise.all(
        Array.from({ length: 4 }, (_, n) => addVenue(right.api, `${receiver.url}/${n}`)),
      );
      for (let round = 1; round <= 10; round += 1)
        await Promise.all(
          locationIds.map((locationId, n) =>
            handOver([right, wrong][(round + n) % 2]?.api ?? right.api, newEvents(locationId, 3)),
          ),
        );
      await ledger.settled();
      expectGapless(receiver.requests);
      expect(await ledger.unaccounted()).toEqual([]);
      const deliveries = await ledger.deliveries();
      expect(new Set(deliveries.map(({ outcome }) => outcome))).toEqual(new Set(['delivered']));
      // Ids are made by processes, times by the database: those of a day beside it would be seen here.
      const late = deliveries.filter(({ startedAt }) => Math.abs(Number(startedAt) - Date.now()) > dayMs / 2);
      expect(late).toEqual([]);
    },
  );

  test.each([dayMs, -dayMs])(
    'a clock that jumps by %i ms under load: nothing is sent twice, all is accounted for',
    async (ms) => {
      const { spawn, ledger } = await setStage();
      const receiver = await running(startReceiver());
      const service = await spawn(shiftedBy(ms, 'signal'));
      const locationIds = await Promise.all(
        Array.from({ length: 6 }, (_, n) => addVenue(service.api, `${receiver.url}/${n}`)),
      );
      let hasJumped = false;
      const load = locationIds.map(async (locationId) => {
        for (let after = 0; after < 10; after += Number(hasJumped)) {
          await handOver(service.api, newEvent(locationId));
          await breathe();
        }
      });
      await receiver.received(20);
      service.child.kill('SIGUSR2');
      hasJumped = true;
      await Promise.all(load);
      await ledger.settled();
      expectOnce(receiver.requests);
      expect(await ledger.unaccounted()).toEqual([]);
      // A jump ahead may cost a lane what it is about to send at that moment: it looks like a long sleep.
      const lost = (await ledger.deliveries()).filter(({ outcome }) => outcome !== 'delivered');
      expect(lost.length).toBe(new Set(lost.map(({ locationId }) => locationId)).size);
      await handOver(service.api, newEvent(locationIds[0] ?? ''));
      await receiver.received(receiver.requests.length + 1);
    },
  );

  test('a process that is paused in the very write: received once, by then abandoned; the next events do not wait for it', async () => {
    const { spawn, ledger } = await setStage();
    const receiver = await running(startReceiver());
    const sleeper = await spawn({ NODE_OPTIONS: preload('pause-in-write.mjs') });
    const locationId = await addVenue(sleeper.api, receiver.url);
    const [late, next] = [newEvent(locationId), newEvent(locationId)];
    handOver(sleeper.api, late).catch(() => {});
    const other = await spawn();
    const [abandoned] = await ledger.ended(locationId, 1);
    expect(abandoned?.outcome).toBe('abandoned');
    await handOver(other.api, next);
    await receiver.received(1);
    sleeper.child.kill('SIGCONT');
    await receiver.received(2);
    await ledger.settled();
    // What no check can prevent: the last check and the write are two steps. It is late and out of order, but once.
    expect(uuidsOf(receiver.requests)).toEqual([next.uuid, late.uuid]);
    expectOnce(receiver.requests);
    expect((await ledger.deliveries(locationId))[0]).toEqual(abandoned);
  });
});
