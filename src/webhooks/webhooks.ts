import { and, eq } from 'drizzle-orm';
import type { Database } from '../db/client.ts';
import type { Encryption } from '../db/encryption.ts';
import { webhooks } from '../db/schema.ts';
import { ownerOf } from '../db/sealed.ts';
import { takeTurns, type Transaction } from '../db/transact.ts';
import { createSecret } from '../delivery/signature.ts';
import { sealHeaders } from '../http/custom-headers.ts';
import { Problem } from '../http/problem.ts';
import type { NewWebhook, WebhookRow } from './registration.ts';
import type { OpenRegistration } from './trigger-request.ts';

/** Which registration: ids of webhooks are unique within a location only. */
export type WebhookKey = { locationId: string; webhookId: string };

/** The condition that selects a registration. */
export function isWebhook({ locationId, webhookId }: WebhookKey) {
  return and(eq(webhooks.locationId, locationId), eq(webhooks.id, webhookId));
}

/** A registration, or undefined when there is none. */
export async function findWebhook(db: Database, key: WebhookKey): Promise<WebhookRow | undefined> {
  const [row] = await db.select().from(webhooks).where(isWebhook(key));
  return row;
}

/** The answer for a webhook that is not registered at this location. */
export function unknownWebhook(): Problem {
  return new Problem(404, 'There is no webhook with this id at this location.');
}

/**
 * Stores a registration in place of the one before. A masked header value keeps what is stored; so does the secret, as
 * long as the webhook stays signed.
 * @returns the rows before and after, and the secret if it is new, to be shown once.
 * @throws Problem when a mask stands for a value that is not there.
 */
export async function putWebhook(
  tx: Transaction,
  encryption: Encryption,
  key: WebhookKey,
  registration: NewWebhook,
): Promise<{ before: WebhookRow | undefined; row: WebhookRow; secret: string | null }> {
  await takeTurns(tx, 'webhook', key.locationId, key.webhookId);
  const [before] = await tx.select().from(webhooks).where(isWebhook(key)).for('update');
  const secret = registration.sign && !before?.secret ? createSecret() : null;
  const values = sealed(registration, before, {
    secret,
    seal: (value) => encryption.seal(value, ownerOf('webhook', key.locationId, key.webhookId)),
  });
  const [row] = await tx
    .insert(webhooks)
    .values({ ...values, locationId: key.locationId, id: key.webhookId })
    .onConflictDoUpdate({
      target: [webhooks.locationId, webhooks.id],
      set: { ...values, updatedAt: new Date() },
    })
    .returning();
  if (!row) throw new Error('The registration was not stored.');
  return { before, row, secret };
}

type Sealing = { secret: string | null; seal: (value: string) => string };

function sealed(registration: NewWebhook, before: WebhookRow | undefined, { secret, seal }: Sealing) {
  const { url, method, queryParams, payload_encoding: payloadEncoding, dataSchema, sign } = registration;
  const { timeoutMs, recordBodies } = registration;
  const keptSecret = sign ? (before?.secret ?? null) : null;
  return {
    url,
    method,
    // Empty values stay as they are: they are for the caller to fill in.
    headers: sealHeaders(registration.headers, before?.headers ?? {}, (value) => value && seal(value)),
    queryParams,
    payloadEncoding,
    dataSchema,
    timeoutMs,
    recordBodies,
    secret: secret === null ? keptSecret : seal(secret),
  };
}

/** A registration with its hidden values in the clear, for the request to the third party alone. */
export function openWebhook(
  row: WebhookRow,
  encryption: Encryption,
): OpenRegistration & { secret: string | null } {
  const open = (sealed: string) => encryption.open(sealed, ownerOf('webhook', row.locationId, row.id));
  const headers = Object.entries(row.headers).map(([name, value]) => [name, value && open(value)]);
  return { ...row, headers: Object.fromEntries(headers), secret: row.secret && open(row.secret) };
}
