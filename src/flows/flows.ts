import { randomBytes, randomUUID } from 'node:crypto';
import { and, eq, isNull, sql } from 'drizzle-orm';
import type { Database } from '../db/client.ts';
import type { Encryption } from '../db/encryption.ts';
import { flows, locations } from '../db/schema.ts';
import { ownerOf } from '../db/sealed.ts';
import { takeTurns, type Transaction } from '../db/transact.ts';
import { mask } from '../http/custom-headers.ts';
import { Problem } from '../http/problem.ts';
import { hashOf, isSameHash } from '../http/token.ts';
import type { FlowRow, NewFlow } from './flow.ts';

/** Which flow: names are unique within a location. */
export type FlowKey = { locationId: string; name: string };

/** The condition that selects a flow. */
export function isFlow({ locationId, name }: FlowKey) {
  return and(eq(flows.locationId, locationId), eq(flows.name, name));
}

/** A flow by its name, or undefined. */
export async function findFlow(db: Database, key: FlowKey): Promise<FlowRow | undefined> {
  const [row] = await db.select().from(flows).where(isFlow(key));
  return row;
}

/** A flow by the id of its URL, or undefined; also when its location has been deleted. */
export async function findFlowById(db: Database, id: string): Promise<FlowRow | undefined> {
  const [found] = await db
    .select({ flow: flows })
    .from(flows)
    .innerJoin(locations, eq(locations.id, flows.locationId))
    .where(and(eq(flows.id, id), isNull(locations.deletedAt)));
  return found?.flow;
}

/**
 * By what third parties know a flow that led to them, and which recognises itself by it. Its id would be too much: for a
 * flow without a token it is the secret.
 */
export function markOf(flowId: string): string {
  return hashOf(flowId).slice(0, 32);
}

/** The answer for a flow that is not at this location. */
export function unknownFlow(): Problem {
  return new Problem(404, 'There is no flow with this name at this location.');
}

/**
 * Stores a flow in place of the one before, whose URL and token it keeps.
 * @returns the rows before and after, and the token if the flow is new, to be shown once.
 */
export async function putFlow(
  tx: Transaction,
  encryption: Encryption,
  key: FlowKey,
  { signingSecret, ...settings }: NewFlow,
): Promise<{ before: FlowRow | undefined; row: FlowRow; token: string | null }> {
  await takeTurns(tx, 'flow', key.locationId, key.name);
  const [before] = await tx.select().from(flows).where(isFlow(key)).for('update');
  const keptSecret = signingSecret === mask ? (before?.signingSecret ?? null) : null;
  const isNewSecret = signingSecret !== null && signingSecret !== mask;
  const sealed = isNewSecret
    ? encryption.seal(signingSecret, ownerOf('flow', key.locationId, key.name))
    : keptSecret;
  const values = { ...settings, signingSecret: sealed };
  const { token, ...hashed } = createToken();
  const [row] = await tx
    .insert(flows)
    .values({ ...values, ...key, ...hashed, id: randomUUID() })
    .onConflictDoUpdate({
      target: [flows.locationId, flows.name],
      set: { ...values, updatedAt: new Date() },
    })
    .returning();
  if (!row) throw new Error('The flow was not stored.');
  return { before, row, token: before ? null : token };
}

/**
 * Gives a flow a new token; the old one is valid for `overlapHours` more.
 * @returns the rows before and after, and the token, to be shown once.
 * @throws Problem when there is no such flow.
 */
export async function rotateToken(
  tx: Transaction,
  key: FlowKey,
  overlapHours: number,
): Promise<{ before: FlowRow; row: FlowRow; token: string }> {
  const [before] = await tx.select().from(flows).where(isFlow(key)).for('update');
  if (!before) throw unknownFlow();
  const { token, ...hashed } = createToken();
  const [row] = await tx
    .update(flows)
    .set({
      ...hashed,
      previousTokenHash: sql`token_hash`,
      previousTokenUntil: sql`now() + make_interval(hours => ${overlapHours})`,
      updatedAt: sql`now()`,
    })
    .where(isFlow(key))
    .returning();
  if (!row) throw new Error('The token was not stored.');
  return { before, row, token };
}

/** Whether a request may run a flow. It takes the same time for any token, and for a flow that does not exist. */
export function mayRun(flow: FlowRow | undefined, authorization: string | undefined): flow is FlowRow {
  const [, token = ''] = /^Bearer ([\x21-\x7e]{1,512})$/.exec(authorization ?? '') ?? [];
  const hasToken = isTokenOf(flow ?? noFlow, hashOf(token));
  return flow !== undefined && (flow.auth === 'none' || hasToken);
}

type Tokens = Pick<FlowRow, 'tokenHash' | 'previousTokenHash' | 'previousTokenUntil'>;

function isTokenOf({ tokenHash, previousTokenHash, previousTokenUntil }: Tokens, hash: string): boolean {
  const isCurrent = isSameHash(hash, tokenHash);
  const isPrevious = isSameHash(hash, previousTokenHash ?? noHash);
  return isCurrent || (isPrevious && previousTokenUntil !== null && previousTokenUntil > new Date());
}

/** The signing secret of a flow's sender, or null when it does not sign. */
export function openSigningSecret(flow: FlowRow, encryption: Encryption): string | null {
  return (
    flow.signingSecret && encryption.open(flow.signingSecret, ownerOf('flow', flow.locationId, flow.name))
  );
}

/** 60 characters with 320 random bits. */
function createToken() {
  const token = `flow_${randomBytes(41).toString('base64url')}`;
  return { token, tokenHash: hashOf(token), tokenHint: `…${token.slice(-4)}` };
}

/** The hash of no token, and a flow that nobody has the token of. */
const noHash = '0'.repeat(64);
const noFlow: Tokens = { tokenHash: noHash, previousTokenHash: null, previousTokenUntil: null };
