import { isUtf8 } from 'node:buffer';
import { z } from '@hono/zod-openapi';
import { and, eq, sql } from 'drizzle-orm';
import type { Database } from '../db/client.ts';
import { invocationOutcomes, invocationReasons, invocations } from '../db/schema.ts';
import { removeSome } from '../db/some-rows.ts';
import { uuid } from '../events/event.ts';
import type { ApiKey } from '../http/api-key.ts';
import { metrics } from '../metrics.ts';

/** An invocation in a list. */
export const invocationSchema = z
  .object({
    referenceId: uuid,
    webhookId: z.string(),
    key: z.object({ id: z.string(), name: z.string() }).openapi({ description: 'Whose key triggered it' }),
    outcome: z.enum(invocationOutcomes),
    reason: z.enum(invocationReasons).nullable(),
    detail: z.string().nullable().openapi({ description: 'Why it was refused, in words' }),
    status: z.int().nullable().openapi({ description: "The third party's status code" }),
    durationMs: z.int().nullable(),
    requestBytes: z.int().nullable(),
    responseBytes: z.int().nullable(),
    createdAt: z.iso.datetime(),
    endedAt: z.iso.datetime().nullable(),
  })
  .openapi('Invocation');

/** An invocation in full. */
export const fullInvocationSchema = invocationSchema
  .extend({
    requestBody: z.string().nullable().openapi({ description: 'In base64 when it is not text' }),
    responseBody: z.string().nullable(),
  })
  .openapi('InvocationInFull');

export type InvocationRow = typeof invocations.$inferSelect;

/** An invocation as lists answer it. */
export function toInvocation(row: InvocationRow): z.input<typeof invocationSchema> {
  const { id, webhookId, keyId, keyName, outcome, reason, detail, statusCode, durationMs } = row;
  return {
    referenceId: id,
    webhookId,
    key: { id: keyId, name: keyName },
    outcome,
    reason,
    detail,
    status: statusCode,
    durationMs,
    requestBytes: row.requestBytes,
    responseBytes: row.responseBytes,
    createdAt: row.createdAt.toISOString(),
    endedAt: row.endedAt?.toISOString() ?? null,
  };
}

/** Who triggers which webhook. `chain`: the marks of the flows that led to it, when a flow does. */
export type Caller = {
  locationId: string;
  webhookId: string;
  key: Pick<ApiKey, 'id' | 'name'>;
  chain?: string[];
};

/** An invocation that begins: its id, and who calls what. */
type NewInvocation = Caller & { id: string };

/** How an invocation ended. `response` null: there is no answer that could be read. */
export type InvocationEnd = Pick<InvocationRow, 'reason' | 'durationMs' | 'statusCode'> & {
  outcome: Exclude<InvocationRow['outcome'], 'sending'>;
  response: { data: unknown; bytes: number } | null;
};

/** Characters of a body that are kept, and of a reason in words. */
const maxKept = 64 * 1024;
const maxDetail = 1000;

/** Puts on record that nothing was sent, and why. */
export async function refuseInvocation(
  db: Database,
  invocation: NewInvocation,
  refusal: Pick<InvocationRow, 'reason' | 'detail'>,
): Promise<void> {
  metrics.invocations.inc('refused');
  await db.insert(invocations).values({
    ...rowOf(invocation),
    reason: refusal.reason,
    // It may name what the app wrote, whatever that was.
    detail: refusal.detail && storable(refusal.detail, maxDetail),
    outcome: 'refused',
    endedAt: sql`now()`,
  });
}

/** Puts on record that a request is about to go out. */
export async function beginInvocation(
  db: Database,
  invocation: NewInvocation,
  recordBodies: boolean,
  body: Buffer | null,
): Promise<void> {
  const kept =
    recordBodies && body ? storable(body.toString(isUtf8(body) ? 'utf8' : 'base64'), maxKept) : null;
  const sizes = { requestBytes: body?.length ?? 0, requestBody: kept };
  await db.insert(invocations).values({ ...rowOf(invocation), ...sizes, outcome: 'sending' });
}

/** Puts on record how it ended. One that was given up meanwhile stays as it is. */
export async function endInvocation(
  db: Database,
  { locationId, id }: NewInvocation,
  recordBodies: boolean,
  { response, ...end }: InvocationEnd,
): Promise<void> {
  metrics.invocations.inc(end.outcome);
  const responseBody = recordBodies && response ? storable(textOf(response.data), maxKept) : null;
  await db
    .update(invocations)
    .set({ ...end, responseBody, responseBytes: response?.bytes ?? null, endedAt: sql`now()` })
    .where(
      and(eq(invocations.locationId, locationId), eq(invocations.id, id), eq(invocations.outcome, 'sending')),
    );
}

/** Seconds after which no invocation can still be under way: the longest timeout, and a margin. */
const longestSeconds = 60;

/**
 * Ends invocations that a crash cut off: nobody knows whether the request arrived. By the database's clock, which wrote
 * when they began. @returns how many.
 */
export async function abandonInvocations(db: Database): Promise<number> {
  const abandoned = await db
    .update(invocations)
    .set({ outcome: 'abandoned', reason: 'crashed', endedAt: sql`now()` })
    .where(
      and(
        eq(invocations.outcome, 'sending'),
        sql`${invocations.createdAt} < now() - make_interval(secs => ${longestSeconds})`,
      ),
    )
    .returning({ id: invocations.id });
  metrics.invocations.inc('abandoned', abandoned.length);
  return abandoned.length;
}

/** Rows in one statement, so that it holds up nobody. */
const max = 5000;

/** Removes invocations older than `retentionDays`, a bounded step. @returns how many. */
export async function removeOldInvocations(
  { $client: sql }: Database,
  retentionDays: number,
): Promise<number> {
  const isOld = sql`created_at < now() - make_interval(days => ${retentionDays}) and outcome <> 'sending'`;
  return removeSome(sql, { table: 'invocations', which: isOld, max });
}

function rowOf({ locationId, id, webhookId, key }: NewInvocation) {
  return { locationId, id, webhookId, keyId: key.id, keyName: key.name };
}

function textOf(data: unknown): string {
  return typeof data === 'string' ? data : JSON.stringify(data);
}

/** As much of a text as is kept, without what PostgreSQL refuses. */
function storable(text: string, maxLength: number): string {
  return text.slice(0, maxLength).replaceAll('\0', '\u{FFFD}').toWellFormed();
}
