/** Choices that follow from a seed: the same seed chooses the same again. */
export type Random = ReturnType<typeof createRandom>;

/** @example const random = createRandom(42); random.pick(['a', 'b']); random.between(1, 6); */
export function createRandom(seed: number) {
  let state = seed >>> 0;
  // Mulberry32: https://gist.github.com/tommyettinger/46a874533244883189143505d203312c
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const between = (min: number, max: number) => min + Math.floor(next() * (max - min + 1));
  return {
    /** A whole number from `min` to `max`. */
    between,
    /** Whether something of this probability happens. */
    chance: (probability: number) => next() < probability,
    /** One of them. @throws Error when there is none. */
    pick<T>(things: readonly T[]): T {
      const thing = things[between(0, things.length - 1)];
      if (thing === undefined) throw new Error('There is nothing to pick from.');
      return thing;
    },
  };
}
