import type { Delivery, SequenceRange } from './receiver-event.ts';

/** What has been seen of a location: everything from `from` through `through`, but for what is `missing`. Plain JSON. */
export type Seen = SequenceRange & { missing: SequenceRange[] };

/** Where a tracker keeps what it has seen: a `Map`, or a table with a row for each location. */
export type SeenStore = {
  get(locationId: string): Seen | undefined | Promise<Seen | undefined>;
  set(locationId: string, seen: Seen): unknown;
};

/**
 * What a delivery is to what came before it.
 * - `new`: something in it was not seen before. `gap` is what was jumped over since, null when nothing was. A jump is no
 *   proof of a loss: events that a filter or a pause kept back jump too. {@link catchUp} tells.
 * - `duplicate`: all of it was seen before: somebody resent it.
 * - `test`: a sample, of no session.
 */
export type Arrival = { kind: 'new'; gap: SequenceRange | null } | { kind: 'duplicate' } | { kind: 'test' };

/** The most missing ranges that are remembered of a location: what is missing below them counts as unseen. */
const maxMissing = 100;

/**
 * Finds duplicates and gaps by `bellhop-sequence`. What comes first of a location is where it begins. One tracker is for
 * one endpoint; deliveries of one location are to be noted one after the other.
 * @param store remembers across restarts when it does.
 * @example
 * const tracker = createTracker();
 * const arrival = await tracker.note(delivery); // { kind: 'new', gap: { first: 4, last: 6 } }
 */
export function createTracker(store: SeenStore = new Map<string, Seen>()) {
  return {
    /** Notes what came, and tells what it is. To ask only, use {@link judge}. */
    async note({ locationId, sequence }: Pick<Delivery, 'locationId' | 'sequence'>): Promise<Arrival> {
      const { arrival, seen } = judge(await store.get(locationId), sequence);
      if (seen) await store.set(locationId, seen);
      return arrival;
    },
  };
}

/**
 * Judges a range of sequences by what was seen before, without any effect.
 * @returns what it is, and what has been seen with it; undefined when that does not change.
 * @example judge({ first: 1, last: 3, missing: [] }, { first: 7, last: 7 }); // a gap from 4 to 6
 */
export function judge(before: Seen | undefined, range: SequenceRange): { arrival: Arrival; seen?: Seen } {
  if (range.last === 0) return { arrival: { kind: 'test' } };
  if (!before) return { arrival: { kind: 'new', gap: null }, seen: { ...range, missing: [] } };
  if (isSeen(before, range)) return { arrival: { kind: 'duplicate' } };
  const gap = range.first > before.last + 1 ? { first: before.last + 1, last: range.first - 1 } : null;
  const below = range.last < before.first - 1 ? { first: range.last + 1, last: before.first - 1 } : null;
  const missing = [
    ...(below ? [below] : []),
    ...before.missing.flatMap((hole) => without(hole, range)),
    ...(gap ? [gap] : []),
  ];
  const whole = { first: Math.min(before.first, range.first), last: Math.max(before.last, range.last) };
  return { arrival: { kind: 'new', gap }, seen: forgetOldest({ ...whole, missing }) };
}

function isSeen(seen: Seen, range: SequenceRange): boolean {
  return (
    seen.first <= range.first && range.last <= seen.last && !seen.missing.some((hole) => overlap(hole, range))
  );
}

function overlap(a: SequenceRange, b: SequenceRange): boolean {
  return a.first <= b.last && b.first <= a.last;
}

function without(hole: SequenceRange, range: SequenceRange): SequenceRange[] {
  if (!overlap(hole, range)) return [hole];
  const left = { first: hole.first, last: range.first - 1 };
  const right = { first: range.last + 1, last: hole.last };
  return [left, right].filter(({ first, last }) => first <= last);
}

/** To take a duplicate for new does less harm than to take something new for a duplicate. */
function forgetOldest(seen: Seen): Seen {
  const forgotten = seen.missing.at(-maxMissing - 1);
  return forgotten ? { ...seen, first: forgotten.last + 1, missing: seen.missing.slice(-maxMissing) } : seen;
}
