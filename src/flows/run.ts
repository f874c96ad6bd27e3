import { z } from '@hono/zod-openapi';
import { and, eq, sql } from 'drizzle-orm';
import { v7 as uuidv7 } from 'uuid';
import type { Database, Queries } from '../db/client.ts';
import { runSources, runStatuses, runs } from '../db/schema.ts';
import { removeSome, someRows } from '../db/some-rows.ts';
import { uuid } from '../events/event.ts';
import { metrics } from '../metrics.ts';
import type { Execution, FlowInput } from './execute.ts';
import type { FlowRow } from './flow.ts';
import { leaseEnd } from './run-lease.ts';

/** A run in a list. */
export const runSchema = z
  .object({
    id: uuid,
    flow: flowRef(),
    source: z.enum(runSources),
    status: z.enum(runStatuses),
    responseStatus: z.int().nullable(),
    error: z
      .object({
        where: z.string().openapi({ example: 'steps.res1.data.company' }),
        message: z.string(),
        line: z.int().nullable().openapi({ description: 'In the template' }),
      })
      .nullable(),
    rerunOf: uuid.nullable(),
    createdAt: z.iso.datetime(),
    startedAt: z.iso.datetime().nullable(),
    endedAt: z.iso.datetime().nullable(),
  })
  .openapi('Run');

function flowRef() {
  return z.object({ id: z.guid(), name: z.string() });
}

/** A run in full: the debugger. */
export const fullRunSchema = runSchema
  .extend({
    input: z.object({ event: z.unknown(), props: z.unknown() }),
    steps: z.array(
      z.object({
        ref: z.string(),
        input: z.unknown().openapi({ description: 'What its templates became; header values are masked' }),
        result: z.unknown(),
        durationMs: z.int(),
      }),
    ),
    response: z.object({ status: z.int(), type: z.string(), body: z.string() }).nullable(),
  })
  .openapi('RunInFull');

const errorSchema = runSchema.shape.error;
const stepsSchema = fullRunSchema.shape.steps;
const inputSchema = fullRunSchema.shape.input;

export type RunRow = typeof runs.$inferSelect;

/** As much of a run as lists answer: what it worked on and what came of it may be megabytes each. */
export const listedColumns = {
  id: runs.id,
  flowId: runs.flowId,
  flowName: runs.flowName,
  source: runs.source,
  status: runs.status,
  responseStatus: runs.responseStatus,
  error: runs.error,
  rerunOf: runs.rerunOf,
  createdAt: runs.createdAt,
  startedAt: runs.startedAt,
  endedAt: runs.endedAt,
};

/** A run as lists answer it. */
export function toRun(row: Pick<RunRow, keyof typeof listedColumns>): z.input<typeof runSchema> {
  const { id, flowId, flowName, source, status, responseStatus, rerunOf } = row;
  return {
    id,
    flow: { id: flowId, name: flowName },
    source,
    status,
    responseStatus,
    error: errorSchema.parse(row.error),
    rerunOf,
    createdAt: row.createdAt.toISOString(),
    startedAt: row.startedAt?.toISOString() ?? null,
    endedAt: row.endedAt?.toISOString() ?? null,
  };
}

/** A run in full. */
export function toFullRun(row: RunRow): z.input<typeof fullRunSchema> {
  const { responseStatus: status, responseType: type, responseBody: body } = row;
  return {
    ...toRun(row),
    input: inputOf(row),
    steps: stepsSchema.parse(row.steps ?? []),
    response: status === null || type === null || body === null ? null : { status, type, body },
  };
}

/** What a run works on. */
export function inputOf(row: RunRow): FlowInput {
  return inputSchema.parse(row.input);
}

/** Hours for which a repeated request is answered by the run it began. */
const idempotencyHours = 24;

/** A run that begins. */
export type NewRun = Pick<RunRow, 'source' | 'status'> & {
  input: FlowInput;
  chain: string[];
  idempotencyKey?: string | undefined;
  rerunOf?: string;
};

/**
 * Puts a run on record, before any of it is done: `queued`, or `running` in this process.
 * @returns the run; `isNew` false: it is the one that the same idempotency key began before.
 */
export async function beginRun(
  db: Queries,
  flow: FlowRow,
  run: NewRun,
): Promise<{ run: RunRow; isNew: boolean }> {
  const now = sql`now()`;
  const started = run.status === 'running' ? { startedAt: now, leaseUntil: leaseEnd } : {};
  const { locationId, id: flowId, name: flowName } = flow;
  const [inserted] = await db
    .insert(runs)
    .values({ ...run, ...started, locationId, flowId, flowName, id: uuidv7() })
    .onConflictDoNothing()
    .returning();
  if (inserted) return { run: inserted, isNew: true };
  const [existing] = await db
    .select()
    .from(runs)
    .where(hasKey(flow, run.idempotencyKey ?? ''));
  if (!existing) throw new Error('The run was not stored.');
  return { run: existing, isNew: false };
}

function hasKey({ locationId, id }: FlowRow, idempotencyKey: string) {
  return and(eq(runs.locationId, locationId), eq(runs.flowId, id), eq(runs.idempotencyKey, idempotencyKey));
}

/** Puts the end of a run on record. One that was given up meanwhile stays as it is. */
export async function endRun(db: Database, { locationId, id }: RunRow, execution: Execution): Promise<void> {
  const { status, steps, response, error } = execution;
  metrics.runs.inc(status);
  await db
    .update(runs)
    .set({
      status,
      steps,
      error,
      responseStatus: response?.status ?? null,
      responseType: response?.type ?? null,
      responseBody: response && response.body.replaceAll('\0', '\u{FFFD}').toWellFormed(),
      endedAt: sql`now()`,
      leaseUntil: null,
    })
    .where(and(eq(runs.locationId, locationId), eq(runs.id, id), eq(runs.status, 'running')));
}

/** Rows in one statement, so that it holds up nobody. */
const max = 1000;

/** Removes runs older than `retentionDays`, and idempotency keys that are no longer kept: a bounded step. */
export async function removeOldRuns({ $client: sql }: Database, retentionDays: number): Promise<number> {
  const isOld = sql`
    created_at < now() - make_interval(days => ${retentionDays}) and status not in ('queued', 'running')`;
  const hasOldKey = sql`
    idempotency_key is not null and created_at < now() - make_interval(hours => ${idempotencyHours})`;
  const removed = await removeSome(sql, { table: 'runs', which: isOld, max });
  const { chosen, isChosen } = someRows(sql, { table: 'runs', which: hasOldKey, max });
  const forgotten = await sql`${chosen} update runs set idempotency_key = null where ${isChosen}`;
  return removed + forgotten.count;
}
