import type { Context } from 'hono';
import { toInstant } from '../forms/zone.ts';

/** Milliseconds of the spans of time that end now. */
const spansMs = { hour: 3_600_000, day: 24 * 3_600_000, week: 7 * 24 * 3_600_000 } as const;

const names = ['endpointId', 'outcome', 'uuid', 'span', 'from', 'to', 'zone'] as const;

/**
 * What of the log is asked for, as it is in the URL of the page; an empty text asks for nothing. `span` is `hour`, `day`,
 * `week`, or `between` for what lies between `from` and `to`, as they were typed in `zone`.
 */
export type DeliveryFilters = Record<(typeof names)[number], string>;

/** Reads the filters of a page from its URL. */
export function readFilters(c: Context): DeliveryFilters {
  const read = (name: string) => (c.req.query(name) ?? '').trim();
  const [endpointId, outcome, uuid] = [read('endpointId'), read('outcome'), read('uuid')];
  const [from, to, zone] = [read('from'), read('to'), read('zone')];
  const span = read('span') || (from || to ? 'between' : '');
  const range = span === 'between' ? { from, to, zone } : { from: '', to: '', zone: '' };
  return { endpointId, outcome, uuid, span, ...range };
}

/** Whether anything is left out. */
export function hasFilters(filters: DeliveryFilters): boolean {
  return names.some((name) => name !== 'zone' && filters[name] !== '');
}

/** The query of a page with these filters: empty, or with its question mark. `more` is added where it is not empty. */
export function toPageQuery(filters: DeliveryFilters, more: Record<string, string> = {}): string {
  return format({ ...filters, ...more });
}

/** The query of the API for the deliveries that fit; see {@link toPageQuery}. */
export function toApiQuery(filters: DeliveryFilters, now: Date, more: Record<string, string> = {}): string {
  const { endpointId, outcome, uuid } = filters;
  return format({ endpointId, outcome, uuid, ...rangeOf(filters, now), ...more });
}

/**
 * The query of the stream that shows what fits while it happens; null when nothing that fits can come.
 * @param after the newest delivery that is shown already: what ended since then comes first.
 */
export function toLiveQuery(
  { endpointId, outcome, uuid, to }: DeliveryFilters,
  after: string | undefined = '',
): string | null {
  if (uuid || to || outcome === 'sending') return null;
  return format({ endpointId, outcome, after });
}

function rangeOf({ span, from, to, zone }: DeliveryFilters, now: Date) {
  if (span === 'between') return { from: toInstant(from, zone), to: toInstant(to, zone) };
  const [, lengthMs] = Object.entries(spansMs).find(([name]) => name === span) ?? [];
  return lengthMs ? { from: new Date(now.getTime() - lengthMs).toISOString() } : {};
}

function format(values: Record<string, string>): string {
  const query = new URLSearchParams(Object.entries(values).filter(([, value]) => value !== '')).toString();
  return query && `?${query}`;
}
