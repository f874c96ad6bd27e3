import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { createTracker, judge, type Seen } from '../../src/kit/receiver.ts';

const at = (first: number, last = first) => ({ locationId: 'kamen-test', sequence: { first, last } });

it('what follows has no gap, a jump has one, and what came before is a duplicate', async () => {
  const tracker = createTracker();
  expect(await tracker.note(at(3, 5))).toEqual({ kind: 'new', gap: null });
  expect(await tracker.note(at(6))).toEqual({ kind: 'new', gap: null });
  expect(await tracker.note(at(10, 12))).toEqual({ kind: 'new', gap: { first: 7, last: 9 } });
  expect(await tracker.note(at(13))).toEqual({ kind: 'new', gap: null });
  expect(await tracker.note(at(3, 5))).toEqual({ kind: 'duplicate' });
  expect(await tracker.note(at(11))).toEqual({ kind: 'duplicate' });
});

it('what was missing is new when it comes, once', async () => {
  const tracker = createTracker();
  for (const delivery of [at(1), at(7)]) await tracker.note(delivery);
  expect(await tracker.note(at(3, 4))).toEqual({ kind: 'new', gap: null });
  expect(await tracker.note(at(3, 4))).toEqual({ kind: 'duplicate' });
  expect(await tracker.note(at(2, 6))).toEqual({ kind: 'new', gap: null });
  expect(await tracker.note(at(2, 6))).toEqual({ kind: 'duplicate' });
});

it('a test is neither, and leaves no trace', async () => {
  const tracker = createTracker();
  expect(await tracker.note(at(0))).toEqual({ kind: 'test' });
  expect(await tracker.note(at(5))).toEqual({ kind: 'new', gap: null });
  expect(await tracker.note(at(0))).toEqual({ kind: 'test' });
});

it('locations are apart, and a store that remembers goes on after a restart', async () => {
  const rows = new Map<string, string>();
  const store = {
    get: async (id: string): Promise<Seen | undefined> => JSON.parse(rows.get(id) ?? 'null') ?? undefined,
    set: async (id: string, seen: Seen) => rows.set(id, JSON.stringify(seen)),
  };
  await createTracker(store).note(at(1));
  await createTracker(store).note({ ...at(8), locationId: 'other' });
  expect(await createTracker(store).note(at(3))).toEqual({ kind: 'new', gap: { first: 2, last: 2 } });
  expect([...rows.keys()]).toEqual(['kamen-test', 'other']);
});

it('in any order of any ranges: new is what holds something unseen, and all of it is remembered', () => {
  const range = fc
    .tuple(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 0, max: 6 }))
    .map(([first, more]) => ({ first, last: first + more }));
  fc.assert(
    fc.property(fc.array(range, { maxLength: 30 }), (ranges) => {
      const known = new Set<number>();
      let seen: Seen | undefined;
      for (const { first, last } of ranges) {
        const sequences = Array.from({ length: last - first + 1 }, (_, index) => first + index);
        const isNew = sequences.some((sequence) => !known.has(sequence));
        const judged = judge(seen, { first, last });
        expect(judged.arrival.kind).toBe(isNew ? 'new' : 'duplicate');
        for (const sequence of sequences) known.add(sequence);
        seen = judged.seen ?? seen;
        expect(sequencesOf(seen)).toEqual([...known].toSorted((a, b) => a - b));
      }
    }),
  );
});

function sequencesOf(seen: Seen | undefined): number[] {
  if (!seen) return [];
  const all = Array.from({ length: seen.last - seen.first + 1 }, (_, index) => seen.first + index);
  return all.filter(
    (sequence) => !seen.missing.some(({ first, last }) => first <= sequence && sequence <= last),
  );
}

it('an endpoint whose filter makes gaps for ever does not fill the store, and nothing becomes a false duplicate', () => {
  let seen: Seen | undefined;
  for (let sequence = 1; sequence <= 601; sequence += 2)
    seen = judge(seen, { first: sequence, last: sequence }).seen ?? seen;
  expect(seen?.missing).toHaveLength(100);
  expect(judge(seen, { first: 2, last: 2 }).arrival.kind).toBe('new');
  expect(judge(seen, { first: 600, last: 600 }).arrival.kind).toBe('new');
  expect(judge(seen, { first: 599, last: 599 }).arrival.kind).toBe('duplicate');
});
