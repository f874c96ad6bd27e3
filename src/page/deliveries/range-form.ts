import type { Endpoint } from '../endpoints/endpoints-page.tsx';
import type { FormValues } from '../forms/form-values.ts';
import { toInstant } from '../forms/zone.ts';

/** The range of a resend as it is typed; times in `zone`, which is empty until the browser tells its own. */
export type RangeForm = { endpointId: string; from: string; to: string; zone: string; outcomes: string[] };

/** The outcomes of what did not arrive, as far as is known. */
export const lostOutcomes = ['failed', 'timed_out', 'abandoned'] as const;

/** Reads the form; the first webhook is chosen where none is. */
export function readRangeForm({ one, all }: FormValues, [first]: Endpoint[]): RangeForm {
  return {
    endpointId: one('endpointId') || (first?.id ?? ''),
    from: one('from'),
    to: one('to'),
    zone: one('zone'),
    outcomes: all('outcomes'),
  };
}

/** The range as the API takes it. */
export function toRangeBody({ from, to, zone, outcomes }: RangeForm) {
  return { from: toInstant(from, zone), to: toInstant(to, zone), outcomes };
}
