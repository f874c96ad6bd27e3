import type { Stats } from '../endpoints/endpoints-page.tsx';

/** An hour of the statistics of a location. */
export type Hour = Stats['byHour'][number];

/** How deliveries end, from the ground of a bar to its top. The failures are told apart by pattern as well as by colour. */
export const kinds = [
  { name: 'delivered', words: 'delivered', look: 'good', pattern: '' },
  { name: 'failed', words: 'failed', look: 'bad', pattern: 'M0 8L8 0' },
  { name: 'timedOut', words: 'timed out', look: 'late', pattern: 'M0 4H8' },
  { name: 'abandoned', words: 'abandoned', look: 'lost', pattern: 'M4 0V8' },
] as const;

/** The percentiles of how long an answer took. */
export const percentiles = [
  { name: 'p50', words: 'half within', look: 'line' },
  { name: 'p95', words: '95 % within', look: 'line upper' },
] as const;

/** How many deliveries of an hour have ended. */
export function endedOf(hour: Hour): number {
  return kinds.reduce((sum, { name }) => sum + hour[name], 0);
}
