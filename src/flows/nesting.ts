/** Levels of lists and objects: as many as templates read. PostgreSQL and `JSON.stringify` give up at a few thousand. */
const maxLevels = 200;

/** What is wrong with a value that is not shallow. */
export const tooDeep = `must have at most ${maxLevels} levels`;

/** Whether JSON has no more levels than can be stored and read by templates. */
export function isShallow(value: unknown): boolean {
  return isWithin(value, maxLevels);
}

function isWithin(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return levels > 0 && Object.values(value).every((part) => isWithin(part, levels - 1));
}
