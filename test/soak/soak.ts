import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type postgres from 'postgres';
import { migrate } from '../../src/db/migrate.ts';
import { createLedger } from '../support/ledger.ts';
import { addEndpoint, addLocation } from '../support/venue.ts';
import { checkPromises } from './checks.ts';
import { disturbUntil } from './faults.ts';
import { type Handed, handOverUntil, pickApi } from './load.ts';
import { createRandom } from './random.ts';
import { startReceivers } from './receivers.ts';
import { createWorld, type World } from './world.ts';

/** Several processes of each role, so that some are always there; the machine's cores share them. */
const processes = ['api', 'api', 'dispatcher', 'dispatcher'] as const;
const locations = 8;
const endpointsPerLocation = 3;
const callers = 6;
/** Megabytes of resident memory that a process stays below, whatever happens. */
const maxMemoryMb = 500;

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string' },
    backlog: { type: 'string', default: '0' },
  },
});
const seconds = Number(values.seconds);
/** Events that already wait at the start, beside those that are handed over. */
const backlog = Number(values.backlog);
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 32));

process.exitCode = await soak();

/** Lets everything go wrong for a while, and checks that every promise held. @returns the exit code. */
async function soak(): Promise<number> {
  print(`Soaking for ${seconds} s with --seed ${seed}. Ctrl-C ends it, with its checks.`);
  const random = createRandom(seed);
  const violations: string[] = [];
  const fail = (violation: string) => violations.push(violation);
  let isOver = false;
  let isDone = false;
  process.on('SIGINT', () => {
    isOver = true;
  });

  const world = await createWorld(fail);
  const receivers = await startReceivers(random);
  try {
    await migrate(world.relay.url);
    await Promise.all(processes.map((role) => world.addSlot(role)));
    const locationIds = await addVenues(world, random, receivers.urls);
    await addBacklog(world.database.sql(), locationIds);
    const handed: Handed[] = [];
    const endsAt = performance.now() + seconds * 1000;
    const over = () => isOver || performance.now() > endsAt;
    const watching = watch(() => isDone, world, fail);
    const load = Array.from({ length: callers }, () =>
      handOverUntil(over, world, random, { locationIds, handed }),
    );
    const counts = await disturbUntil(over, world, random);
    await Promise.all(load);
    await receivers.heal();
    await settle(world, fail);
    isDone = true;
    const { outcomes, mostMb } = await watching;
    await resumeAll(world, random);
    const sql = world.database.sql();
    await checkPromises({ sql, handed, requests: receivers.requests(), outcomes, fail, backlog });
    await world.stopProcesses();
    await summarize(world, { handed, counts, mostMb, received: receivers.count() });
  } catch (error) {
    violations.push(`The soak itself failed: ${error instanceof Error ? error.stack : String(error)}`);
  } finally {
    isDone = true;
    await world.stop();
    await receivers.heal();
    await receivers.stop();
  }
  return conclude(violations);
}

async function addVenues(world: World, random: ReturnType<typeof createRandom>, urls: string[]) {
  const api = pickApi(world, random);
  if (!api) throw new Error('No process runs.');
  const ids = await Promise.all(Array.from({ length: locations }, () => addLocation(api)));
  for (const id of ids)
    for (let n = 1; n <= endpointsPerLocation; n += 1) {
      const actions = random.chance(0.2) ? { actions: ['create'] } : {};
      await addEndpoint(api, id, `${random.pick(urls)}/${id}-${n}`, actions);
    }
  return ids;
}

async function addBacklog(sql: postgres.Sql, locationIds: string[]): Promise<void> {
  if (backlog === 0) return;
  await sql`
    with stored as (
      insert into events (location_id, sequence, id, uuid, action, stations, customerid)
      select l.id, n, gen_random_uuid(), gen_random_uuid(), 'create', 1, n
      from locations l, generate_series(1, ${Math.ceil(backlog / locationIds.length)}::int) n
      returning location_id
    )
    update locations l
    set last_sequence = s.count
    from (select location_id, count(*) from stored group by 1) s
    where l.id = s.location_id`;
}

/** Looks, until everything is done, at what may not change and what may not grow. */
async function watch(isDone: () => boolean, world: World, fail: (violation: string) => void) {
  const outcomes = new Map<string, string>();
  let mostMb = 0;
  while (!isDone()) {
    await delay(1000);
    mostMb = Math.max(mostMb, ...(await world.memoryMb()));
    const rows = await world.database.sql()<{ id: string; outcome: string }[]>`
      select id, outcome from deliveries where ended_at > now() - interval '5 seconds'`.catch(() => []);
    for (const { id, outcome } of rows) if (!outcomes.has(id)) outcomes.set(id, outcome);
  }
  if (mostMb > maxMemoryMb) fail(`A process grew to ${Math.round(mostMb)} MB, more than ${maxMemoryMb}.`);
  return { outcomes, mostMb };
}

/** When all faults are over, everything catches up by itself: for as long as it takes, while it gets on. */
async function settle(world: World, fail: (violation: string) => void): Promise<void> {
  const sql = world.database.sql();
  const ledger = createLedger(sql);
  const countDeliveries = async () => (await sql`select from deliveries`).count;
  for (let before = -1, now = 0; now > before; before = now, now = await countDeliveries()) {
    const error = await ledger.settled().then(
      () => null,
      (reason: unknown) => reason,
    );
    if (!error) return;
  }
  fail('It did not catch up.');
}

/** What a paused endpoint missed is written down when it goes on. */
async function resumeAll(world: World, random: ReturnType<typeof createRandom>): Promise<void> {
  const api = pickApi(world, random);
  const paused = await world.database.sql()<{ locationId: string; id: string }[]>`
    select location_id as "locationId", id from endpoints where deleted_at is null and not enabled`;
  for (const { locationId, id } of paused)
    await api?.patch(`/v1/locations/${locationId}/endpoints/${id}`, { enabled: true });
}

type Summary = { handed: Handed[]; counts: Map<string, number>; mostMb: number; received: number };

async function summarize(world: World, { handed, counts, mostMb, received }: Summary): Promise<void> {
  const sql = world.database.sql();
  const [events] = await sql`select count(*)::int as stored from events`;
  const outcomes = await sql<{ outcome: string; count: number }[]>`
    select outcome, count(*)::int from deliveries group by outcome order by outcome`;
  const accepted = handed.filter(({ answer }) => answer !== null).length;
  print(`${handed.length} requests, ${accepted} of them accepted, the others without an answer that says so`);
  print(`${String(events?.['stored'])} events; ${received} POSTs received and read`);
  print(`deliveries: ${outcomes.map(({ outcome, count }) => `${count} ${outcome}`).join(', ')}`);
  print(`most memory of a process: ${Math.round(mostMb)} MB`);
  for (const [name, count] of counts) print(`${String(count).padStart(5)} x ${name}`);
}

function conclude(violations: string[]): number {
  for (const violation of violations.slice(0, 20)) print(`VIOLATION: ${violation}`);
  const count = violations.length;
  print(
    count === 0
      ? 'Every promise held.'
      : `${count} violations. Repeat with: npm run soak -- --seconds ${seconds} --seed ${seed}`,
  );
  return count === 0 ? 0 : 1;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
