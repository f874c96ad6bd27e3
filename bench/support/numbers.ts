/** @returns the value that half of the numbers are below; NaN for none. */
export function median(numbers: number[]): number {
  return percentile(numbers, 50);
}

/** @returns the value that `percent` of the numbers are at or below (nearest rank); NaN for none. */
export function percentile(numbers: number[], percent: number): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((sorted.length * percent) / 100) - 1)] ?? Number.NaN;
}

/** Milliseconds of a clock that all processes of a machine share. */
export function nowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
