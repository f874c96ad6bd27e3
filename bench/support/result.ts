/** The medians of a contestant, by the names of their columns. */
export type Row = { name: string; values: Record<string, number> };

/** What a scenario has measured. */
export type Result = {
  scenario: string;
  title: string;
  /** A row for each contestant; all have the same columns. */
  rows: Row[];
  targets: Target[];
};

/** A ratio that Bellhop is to reach. `byCpu` is the same by CPU seconds, which a busy machine disturbs less. */
export type Target = { what: string; ratio: number; byCpu?: number } & (
  | { atLeast: number }
  | { atMost: number }
);

/** @returns whether the target is reached; a number that could not be measured reaches none. */
export function isReached(target: Target): boolean {
  return 'atLeast' in target ? target.ratio >= target.atLeast : target.ratio <= target.atMost;
}

/** How often as fast as the others Bellhop is, for those of `targets` that took part. */
export function compare(rows: Row[], column: string, targets: Record<string, number>): Target[] {
  const bellhop = rows.find(({ name }) => name === 'bellhop')?.values ?? {};
  return rows.flatMap(({ name, values }): Target[] => {
    const atLeast = targets[name];
    if (atLeast === undefined) return [];
    const ratio = (bellhop[column] ?? 0) / (values[column] ?? 0);
    const byCpu = (values[cpuColumn] ?? 0) / (bellhop[cpuColumn] ?? 0);
    return [{ what: `${column}, to ${name}`, ratio, byCpu, atLeast }];
  });
}

/** The column of all CPU time that an event costs. */
const cpuColumn = 'CPU µs/event';
