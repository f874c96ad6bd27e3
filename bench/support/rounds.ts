import { median } from './numbers.ts';

/** Measures each of `names` once a round, in turn, so that what disturbs the machine meets all of them. */
export async function measureInTurn<Measured>(
  names: string[],
  repeat: number,
  measure: (name: string) => Promise<Measured>,
): Promise<Map<string, Measured[]>> {
  const measured = new Map<string, Measured[]>(names.map((name) => [name, []]));
  for (let round = 1; round <= repeat; round += 1)
    for (const name of names) {
      process.stderr.write(`  round ${round} of ${repeat}: ${name}\n`);
      measured.get(name)?.push(await measure(name));
    }
  return measured;
}

/** The median of each number. */
export function medians(rounds: Record<string, number>[]): Record<string, number> {
  const names = Object.keys(rounds[0] ?? {});
  return Object.fromEntries(
    names.map((name) => [name, median(rounds.map((round) => round[name] ?? Number.NaN))]),
  );
}
