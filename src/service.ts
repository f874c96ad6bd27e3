import { createApp, createBaseApp } from './app.ts';
import { startChores } from './chores.ts';
import type { Config } from './config.ts';
import { checkSettings, type Connection, connect, type Database, disconnect } from './db/client.ts';
import { startEmbeddedPostgres } from './db/embedded.ts';
import { createEncryption, type Encryption } from './db/encryption.ts';
import { checkEncryptionKey, loadEncryptionKey } from './db/encryption-key.ts';
import { createListener, type Listen } from './db/listen.ts';
import { migrate } from './db/migrate.ts';
import { createSender, type Sender } from './delivery/attempt.ts';
import { Mover } from './events/inbox.ts';
import { traceIntake } from './events/intake-spans.ts';
import { createLog } from './events/log.ts';
import { Runner } from './flows/runner.ts';
import { createFirstKey } from './http/api-key.ts';
import { listen } from './http/server.ts';
import { createLink } from './http/sign-in-link.ts';
import { DeliverySpans } from './outbox/delivery-spans.ts';
import { Dispatcher } from './outbox/dispatcher.ts';
import { Watch } from './outbox/watch.ts';
import { createNotifier } from './outbox/wake-up.ts';
import { logger } from './logger.ts';
import { startTracing, type Tracing } from './tracing.ts';

/** A running Bellhop. */
export type Service = {
  /** Where its API is. */
  url: string;
  /** The first admin key, and a link that signs in with it once, when this start made them: to be shown once. */
  firstKey: { key: string; signInUrl: string } | null;
  /** Rejects when the service cannot go on, e.g. because the embedded database ended by itself. */
  failed: Promise<never>;
  /** Takes no more work, ends what is under way, records it, and closes the database last. */
  stop(): Promise<void>;
};

/** The way of events takes no more: it stores, claims, records and sweeps, each by one statement at a time. */
const maxEventConnections = 4;

/**
 * How a process shares out its connections to the database: one hears notifications. The way of events, from the key of a
 * request to the outcome of a delivery, has its own: no list or setting that takes long delays it.
 */
function shareConnections({ DATABASE_MAX_CONNECTIONS: most }: Config): { events: number; others: number } {
  const events = Math.min(maxEventConnections, Math.floor((most - 1) / 2));
  return { events, others: most - 1 - events };
}

/**
 * Starts Bellhop: database, migrations, dispatcher, API, in the roles that the configuration gives it.
 * @throws Error that says what is wrong; whatever had been started is stopped again.
 * @example const service = await startService(readConfig()); await service.stop();
 */
export async function startService(config: Config): Promise<Service> {
  logger.level = config.LOG_LEVEL;
  const stops: Stops = [];
  const stop = async () => {
    for (const stopPart of stops.splice(0).toReversed()) await stopPart();
  };
  try {
    return { ...(await start(config, stops)), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

type Stops = (() => Promise<unknown>)[];

/** Each part that is started leaves its stop on the pile; the pile is worked off from its top. */
async function start(config: Config, stops: Stops): Promise<Omit<Service, 'stop'>> {
  const tracing = await startTracing({
    collectorUrl: config.OTEL_EXPORTER_OTLP_ENDPOINT,
    tracesUrl: config.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT,
    serviceName: config.OTEL_SERVICE_NAME,
    ratio: config.OTEL_TRACES_SAMPLER_ARG,
  });
  if (tracing) stops.push(() => tracing.stop());
  const { db, eventsDb, direct, encryption, failed } = await openStore(config, stops);
  await checkEncryptionKey(db, encryption);
  const listener = createListener(direct);
  stops.push(() => listener.stop());
  const sender = createSender({ allow: config.DELIVERY_ALLOW_CIDRS, timeoutMs: config.DELIVERY_TIMEOUT_MS });
  stops.push(() => sender.close());
  const parts = { db, eventsDb, listen: listener.listen, encryption, sender, tracing };
  stops.push(startChores(config, parts));
  const dispatcher = config.ROLE === 'api' ? null : await startDispatcher(config, parts, stops);
  const watch = new Watch(db);
  stops.push(() => watch.stop());
  if (config.ROLE !== 'dispatcher') await watch.start(listener.listen);
  const app = startApp(config, { ...parts, watch }, dispatcher, stops);
  const server = await listen(app.fetch, { host: config.HOST, port: config.PORT });
  // Together: nothing is claimed while the last requests are answered, and streams would never end by themselves.
  stops.push(() => Promise.all([server.close(), watch.stop(), dispatcher?.stop()]));
  // Last: when a later step failed, the database would hold a key that nobody ever saw.
  const first = config.BELLHOP_ADMIN_KEY ? null : await createFirstKey(db);
  const signInUrl = first && new URL(firstLink(encryption, first.id), config.PUBLIC_URL ?? server.url).href;
  return { url: server.url, firstKey: first && signInUrl ? { key: first.key, signInUrl } : null, failed };
}

/** The database at its newest schema, and what opens the values in it. `stops` are worked off from the last. */
export async function openStore(config: Config, stops: Stops) {
  const { connection, direct, failed } = await openDatabase(config, stops);
  await migrate(direct ?? connection, { isPooled: !direct });
  const isPooled = connection !== direct;
  const { events, others } = shareConnections(config);
  const db = connect(connection, { max: others, isPooled });
  const eventsDb = connect(connection, { max: events, isPooled });
  stops.push(() => Promise.all([disconnect(db), disconnect(eventsDb)]));
  await checkSettings(db, { max: others, isPooled });
  const key = config.BELLHOP_ENCRYPTION_KEY ?? (await loadEncryptionKey(config.DATA_DIR));
  const encryption = createEncryption(key, config.BELLHOP_PREVIOUS_ENCRYPTION_KEY);
  return { db, eventsDb, direct, encryption, failed };
}

/** Ways to the database: the one that statements take, and the one past a pooling proxy, which is the same, another, or none. */
type Ways = { connection: Connection; direct: Connection | null; failed: Promise<never> };

async function openDatabase(config: Config, stops: Stops): Promise<Ways> {
  const { DATABASE_URL: connection, DATABASE_DIRECT_URL: direct = connection } = config;
  if (connection && direct)
    return { connection, direct: direct === 'none' ? null : direct, failed: new Promise(() => {}) };
  const server = await startEmbeddedPostgres({ dataDir: config.DATA_DIR });
  stops.push(() => server.stop());
  const failed = server.exited.then(({ expected, log }) => {
    if (expected) return new Promise<never>(() => {});
    throw new Error(`The embedded PostgreSQL has ended:\n${log}`);
  });
  failed.catch(() => {}); // handled by whoever waits for it, which is nobody while the start fails
  return { connection: server.connection, direct: server.connection, failed };
}

/** Milliseconds in which the operator follows the link that the first start prints. */
const firstLinkMs = 3_600_000;

function firstLink(encryption: Encryption, keyId: string): string {
  const endsAt = new Date(Date.now() + firstLinkMs).toISOString();
  return createLink(encryption, { credential: keyId, locationId: null, endsAt, once: true });
}

type Parts = {
  db: Database;
  eventsDb: Database;
  listen: Listen;
  encryption: Encryption;
  sender: Sender;
  tracing: Tracing | null;
};
type AppParts = Parts & { watch: Watch };

async function startDispatcher(config: Config, parts: Parts, stops: Stops): Promise<Dispatcher> {
  const dispatcher = new Dispatcher({
    ...parts,
    db: parts.eventsDb,
    concurrency: config.DELIVERY_CONCURRENCY,
    timeoutMs: config.DELIVERY_TIMEOUT_MS,
    maxEvents: config.BATCH_MAX_EVENTS,
    maxAgeHours: config.EVENT_MAX_AGE_HOURS,
    spans: parts.tracing && new DeliverySpans(parts.db, parts.tracing.tracer),
  });
  stops.push(() => dispatcher.stop());
  await dispatcher.start(parts.listen);
  const mover = new Mover(parts.eventsDb, (locationIds) => dispatcher.wake(locationIds));
  stops.push(() => mover.stop());
  await mover.start(parts.listen);
  return dispatcher;
}

/** The API, or in a process that only dispatches its health and metrics; and the runner of flows, which both need. */
function startApp(config: Config, parts: AppParts, dispatcher: Dispatcher | null, stops: Stops) {
  const { eventsDb } = parts;
  const accept = createLog(eventsDb);
  const wake = dispatcher
    ? (locationIds: string[]) => dispatcher.wake(locationIds)
    : createNotifier(eventsDb);
  const runner = new Runner({ ...parts, accept, wake });
  stops.push(() => runner.stop());
  runner.start({ queue: config.ROLE !== 'api' });
  const base = { ...parts, adminKey: config.BELLHOP_ADMIN_KEY, trustProxy: config.TRUST_PROXY };
  if (config.ROLE === 'dispatcher') return createBaseApp(base);
  return createApp({
    ...base,
    accept: parts.tracing ? traceIntake(accept, eventsDb, parts.tracing.tracer) : accept,
    wake,
    runner,
    allowCidrs: config.DELIVERY_ALLOW_CIDRS,
    publicUrl: config.PUBLIC_URL,
    frameAncestors: config.FRAME_ANCESTORS,
    timeoutMs: config.DELIVERY_TIMEOUT_MS,
    requestsPerMinute: config.RATE_LIMIT_PER_MINUTE,
  });
}
