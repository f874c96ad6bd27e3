/**
 * The candidate that somebody may have meant.
 * @returns undefined when none is near.
 * @example suggest('deliverys', ['deliveries', 'doctor']); // 'deliveries'
 */
export function suggest(given: string, candidates: readonly string[]): string | undefined {
  const [nearest] = candidates
    .map((candidate) => ({ candidate, edits: countEdits(given.toLowerCase(), candidate) }))
    .toSorted((a, b) => a.edits - b.edits);
  const started = candidates.find((candidate) => given.length >= 2 && candidate.startsWith(given));
  if (nearest && nearest.edits <= Math.max(1, Math.floor(given.length / 3))) return nearest.candidate;
  return started;
}

/** Letters to insert, remove, replace or swap until one text is the other. */
function countEdits(from: string, to: string): number {
  const table = Array.from({ length: from.length + 1 }, (_, row) => [row]);
  const at = (row: number, column: number) => table[row]?.[column] ?? Number.POSITIVE_INFINITY;
  for (let column = 1; column <= to.length; column += 1) table[0]?.push(column);
  for (let row = 1; row <= from.length; row += 1)
    for (let column = 1; column <= to.length; column += 1) {
      const isSame = from[row - 1] === to[column - 1];
      const isSwapped = from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      table[row]?.push(
        Math.min(
          at(row - 1, column) + 1,
          at(row, column - 1) + 1,
          at(row - 1, column - 1) + (isSame ? 0 : 1),
          isSwapped ? at(row - 2, column - 2) + 1 : Number.POSITIVE_INFINITY,
        ),
      );
    }
  return at(from.length, to.length);
}
