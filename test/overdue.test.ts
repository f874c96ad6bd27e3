import { expect, it, onTestFinished, vi } from 'vitest';
import { gather } from '../src/db/gather.ts';
import { Loop } from '../src/loop.ts';
import { logger } from '../src/logger.ts';
import { notOverdue } from '../src/overdue.ts';
import { until } from './support/until.ts';

const never = () => new Promise<never>(() => {});

it('what is answered in time is passed on, result or error', async () => {
  expect(await notOverdue(Promise.resolve(1))).toBe(1);
  await expect(notOverdue(Promise.reject(new Error('refused')))).rejects.toThrow('refused');
});

it('a statement that is never answered fails those who wait for it, and holds up nobody behind them', async () => {
  const asked: number[][] = [];
  const ask = (numbers: number[]) => {
    asked.push(numbers);
    return notOverdue(asked.length === 1 ? never() : Promise.resolve(numbers), 5);
  };
  const double = gather(ask, { maxFlush: 1, maxWaiting: 10 });
  const [first, second] = await Promise.allSettled([double(1), double(2)]);
  expect(first).toMatchObject({ status: 'rejected', reason: { name: 'Overdue', code: 'ETIMEDOUT' } });
  expect(second).toEqual({ status: 'fulfilled', value: 2 });
});

it('a loop goes on behind a round that never ends', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => {
    vi.useRealTimers();
  });
  logger.level = 'silent';
  let rounds = 0;
  const loop = new Loop(
    () => {
      rounds += 1;
      return rounds === 1 ? never() : Promise.resolve(0);
    },
    { name: 'test', idleMs: 1 },
  );
  loop.start();
  await vi.advanceTimersByTimeAsync(46_000);
  expect(await until('it goes on', async () => rounds > 1)).toBe(true);
  await loop.stop();
});
