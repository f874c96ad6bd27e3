import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { version } from './version.ts';

const registry = new Registry();
collectDefaultMetrics({ register: registry });

/** A counter for each of the values that its labels may have together, known by a key. */
class Counters<Key extends string> {
  readonly #counter: Counter;
  readonly #labels: Record<Key, Record<string, string>>;

  constructor(name: string, help: string, labels: Record<Key, Record<string, string>>) {
    const [first = {}, ...others] = Object.values<Record<string, string>>(labels);
    this.#counter = new Counter({ name, help, labelNames: Object.keys(first), registers: [registry] });
    this.#labels = labels;
    // From the start, so that the first one that counts is seen as a step from 0.
    for (const values of [first, ...others]) this.#counter.inc(values, 0);
  }

  inc(key: Key, count = 1): void {
    this.#counter.inc(this.#labels[key], count);
  }
}

/**
 * The metrics of this process, as `GET /metrics` shows them; docs/metrics.md says what each means. Labels hold words of
 * ours only, never what a request or a venue brings, so that their number is known; the values of each are prepared.
 * @example metrics.eventsAccepted.inc(3);
 * @example metrics.deliveries.inc('http_status');
 */
export const metrics = {
  eventsAccepted: counter('bellhop_events_accepted_total', 'Events stored in the log'),
  eventsDuplicate: counter(
    'bellhop_events_duplicate_total',
    'Events not stored again, for their id was there',
  ),
  eventsSkipped: new Counters('bellhop_events_skipped_total', 'Events that an endpoint was not sent', {
    paused: { reason: 'paused' },
    filtered: { reason: 'filtered' },
    no_endpoint: { reason: 'no_endpoint' },
    expired: { reason: 'expired' },
  }),
  /** By their reason; those without one were delivered. */
  deliveries: new Counters('bellhop_deliveries_total', 'Deliveries that have ended', {
    none: { outcome: 'delivered', reason: 'none' },
    http_status: { outcome: 'failed', reason: 'http_status' },
    dns: { outcome: 'failed', reason: 'dns' },
    connect: { outcome: 'failed', reason: 'connect' },
    tls: { outcome: 'failed', reason: 'tls' },
    reset: { outcome: 'failed', reason: 'reset' },
    protocol: { outcome: 'failed', reason: 'protocol' },
    blocked: { outcome: 'failed', reason: 'blocked' },
    timeout: { outcome: 'timed_out', reason: 'timeout' },
    crashed: { outcome: 'abandoned', reason: 'crashed' },
  }),
  deliveriesInFlight: gauge('bellhop_deliveries_in_flight', 'POSTs under way in this process'),
  deliveryEvents: histogram(
    'bellhop_delivery_events',
    'Events in the batch of a delivery',
    [1, 2, 5, 10, 20, 50, 100],
  ),
  deliverySeconds: histogram(
    'bellhop_delivery_duration_seconds',
    'From the beginning of an attempt until its outcome was known',
    [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 1.5, 2, 2.5],
  ),
  deliveryWaitSeconds: histogram(
    'bellhop_delivery_wait_seconds',
    'From the acceptance of the oldest event of a batch to the beginning of its attempt',
    [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 600, 3600],
  ),
  invocations: new Counters(
    'bellhop_invocations_total',
    'Invocations of registered webhooks that have ended',
    {
      answered: { outcome: 'answered' },
      failed: { outcome: 'failed' },
      timed_out: { outcome: 'timed_out' },
      refused: { outcome: 'refused' },
      abandoned: { outcome: 'abandoned' },
    },
  ),
  runs: new Counters('bellhop_runs_total', 'Runs of flows that have ended', {
    succeeded: { status: 'succeeded' },
    failed: { status: 'failed' },
    abandoned: { status: 'abandoned' },
  }),
  guardRefusals: new Counters(
    'bellhop_guard_refusals_total',
    'URLs and addresses that the URL policy refused',
    {
      save: { place: 'save' },
      send: { place: 'send' },
    },
  ),
  keyRefusals: new Counters('bellhop_key_refusals_total', 'Requests whose API key was refused', {
    unknown: { reason: 'unknown' },
    expired: { reason: 'expired' },
    address: { reason: 'address' },
    scope: { reason: 'scope' },
    location: { reason: 'location' },
  }),
  rateLimited: counter('bellhop_rate_limited_total', 'Requests answered with 429'),
  databaseConnections: new Counters('bellhop_database_connections_total', 'Connections to the database', {
    begun: { event: 'begun' },
    lost: { event: 'lost' },
  }),
  roundsFailed: counter(
    'bellhop_rounds_failed_total',
    'Rounds of background work that failed and are repeated',
  ),
  backlogEvents: gauge('bellhop_backlog_events', 'Events that endpoints are still to be sent'),
  backlogSeconds: gauge('bellhop_backlog_oldest_age_seconds', 'Age of the oldest of them'),
  inboxEvents: gauge(
    'bellhop_inbox_events',
    'Events handed over by transactions that are not in the log yet',
  ),
  inboxSeconds: gauge('bellhop_inbox_oldest_age_seconds', 'Age of the oldest of them'),
  databaseUp: gauge('bellhop_database_up', 'Whether the database answers: 1 or 0'),
};

gauge('bellhop_build_info', 'The version that runs', ['version']).set({ version }, 1);

const requests = new Counter({
  name: 'bellhop_http_requests_total',
  help: 'Requests answered',
  labelNames: ['method', 'route', 'status'],
  registers: [registry],
});
const requestSeconds = new Histogram({
  name: 'bellhop_http_request_duration_seconds',
  help: 'From the head of a request to its answer',
  labelNames: ['method', 'route'],
  buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
  registers: [registry],
});

/**
 * Counts a request and how long it took.
 * @param route the pattern of its path, never the path itself.
 */
export function measureRequest(
  { method, route, status }: { method: string; route: string; status: number },
  seconds: number,
): void {
  requests.inc({ method, route, status: `${Math.floor(status / 100)}xx` });
  requestSeconds.observe({ method, route }, seconds);
}

/** What Prometheus reads (text format 0.0.4), and the content type to send it with. */
export async function showMetrics(): Promise<{ text: string; contentType: string }> {
  return { text: await registry.metrics(), contentType: registry.contentType };
}

function counter(name: string, help: string) {
  return new Counter({ name, help, registers: [registry] });
}

function gauge<Label extends string = never>(name: string, help: string, labelNames: Label[] = []) {
  return new Gauge({ name, help, labelNames, registers: [registry] });
}

function histogram(name: string, help: string, buckets: number[]) {
  return new Histogram({ name, help, buckets, registers: [registry] });
}
