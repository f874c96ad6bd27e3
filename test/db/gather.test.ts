import { EventEmitter, once } from 'node:events';
import { expect, it } from 'vitest';
import { gather, Overloaded } from '../../src/db/gather.ts';

/** Until what is already decided has happened. */
const turn = () => new Promise(setImmediate);

/** A flush that records what it gets, and answers when it is told to. */
function createFlush() {
  const flushed: number[][] = [];
  const gate = new EventEmitter();
  const flush = async (items: number[]) => {
    flushed.push(items);
    const [error] = await once(gate, 'answer');
    if (error) throw error;
    return items.map((item) => item * 2);
  };
  const answer = (error?: Error) => gate.emit('answer', error);
  return { flush, flushed, answer };
}

it('an idle gatherer flushes at once; what comes meanwhile goes together in the next flush', async () => {
  const { flush, flushed, answer } = createFlush();
  const double = gather(flush, { maxFlush: 100, maxWaiting: 100 });
  const results = [double(1), double(2), double(3)];
  expect(flushed).toEqual([[1]]);
  answer();
  await turn();
  expect(flushed).toEqual([[1], [2, 3]]);
  answer();
  expect(await Promise.all(results)).toEqual([2, 4, 6]);
});

it('one flush runs at a time, and none is larger than allowed, except for one item that is', async () => {
  const { flush, flushed, answer } = createFlush();
  const double = gather(flush, { size: (item) => item, maxFlush: 5, maxWaiting: 100 });
  const results = [1, 2, 3, 9, 5, 1].map(double);
  for (let n = 0; n < 5; n += 1) {
    expect(flushed).toHaveLength(n + 1);
    answer();
    await turn();
  }
  expect(flushed).toEqual([[1], [2, 3], [9], [5], [1]]);
  expect(await Promise.all(results)).toEqual([2, 4, 6, 18, 10, 2]);
});

it('a flush that fails fails its own calls, and the next one works', async () => {
  const { flush, answer } = createFlush();
  const double = gather(flush, { maxFlush: 2, maxWaiting: 100 });
  const results = [1, 2, 3, 4].map(double);
  const settled = Promise.allSettled(results);
  answer();
  await turn();
  answer(new Error('away'));
  await turn();
  answer();
  expect(await settled).toMatchObject([
    { value: 2 },
    { reason: { message: 'away' } },
    { reason: { message: 'away' } },
    { value: 8 },
  ]);
  const again = double(5);
  answer();
  expect(await again).toBe(10);
});

it('a call beyond the limit of waiting ones is refused, and the limit frees itself', async () => {
  const { flush, answer } = createFlush();
  const double = gather(flush, { size: (item) => item, maxFlush: 10, maxWaiting: 5 });
  const first = double(100);
  const waiting = [double(2), double(3)];
  await expect(double(1)).rejects.toBeInstanceOf(Overloaded);
  answer();
  await turn();
  const late = double(5);
  answer();
  await turn();
  answer();
  expect(await Promise.all([first, ...waiting, late])).toEqual([200, 4, 6, 10]);
});

it('an item larger than the limit is taken when nothing waits', async () => {
  const double = gather(async (items: number[]) => items.map((item) => item * 2), {
    size: (item) => item,
    maxFlush: 2,
    maxWaiting: 2,
  });
  expect(await double(1000)).toBe(2000);
});

it('a flush with too few results fails the calls that get none', async () => {
  const short = gather(async (items: number[]) => items.slice(1), { maxFlush: 10, maxWaiting: 10 });
  await expect(short(1)).rejects.toThrow('too few results');
});
