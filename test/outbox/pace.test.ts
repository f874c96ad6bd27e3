import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Pace } from '../../src/outbox/pace.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('more begin until 64 POSTs are young, and again as soon as one of them is answered', () => {
  const onFree = vi.fn<() => void>();
  const pace = new Pace(onFree);
  const first = pace.begin(63);
  expect(pace.isFree).toBe(true);
  const second = pace.begin(2);
  expect(pace.isFree).toBe(false);
  first();
  expect([pace.isFree, onFree.mock.calls.length]).toEqual([false, 0]);
  second();
  expect([pace.isFree, onFree.mock.calls.length]).toEqual([true, 1]);
});

test('receivers that hang hold up others for 50 ms, and their late answers count for nothing', () => {
  const onFree = vi.fn<() => void>();
  const pace = new Pace(onFree);
  const hanging = pace.begin(1000);
  vi.advanceTimersByTime(49);
  expect(pace.isFree).toBe(false);
  vi.advanceTimersByTime(1);
  expect([pace.isFree, onFree.mock.calls.length]).toEqual([true, 1]);
  for (let n = 1; n <= 1000; n += 1) hanging();
  pace.begin(64);
  expect(pace.isFree).toBe(false);
});

test('what is all answered leaves no timer', () => {
  const answered = new Pace(() => {}).begin(1);
  answered();
  expect(vi.getTimerCount()).toBe(0);
});
