import { v7 as uuidv7 } from 'uuid';
import type { Database } from '../db/client.ts';
import type { Encryption } from '../db/encryption.ts';
import type { Sender } from '../delivery/attempt.ts';
import type { Reply } from '../delivery/request.ts';
import { sign } from '../delivery/signature.ts';
import { invalid, type Mistake, Problem } from '../http/problem.ts';
import { logger } from '../logger.ts';
import { version } from '../version.ts';
import { decompress, readData } from './answer.ts';
import { hiddenValues } from './hidden-values.ts';
import {
  beginInvocation,
  type Caller,
  endInvocation,
  type InvocationEnd,
  refuseInvocation,
} from './invocation.ts';
import type { WebhookRow } from './registration.ts';
import { composeRequest, type ThirdPartyRequest, type Trigger } from './trigger-request.ts';
import { findWebhook, openWebhook, unknownWebhook } from './webhooks.ts';

/** What triggering works with. */
export type TriggerOptions = { db: Database; encryption: Encryption; sender: Sender };

/** What an app handed over, or why it is not even of the right form. */
export type Handed = { ok: true; trigger: Trigger } | { ok: false; mistakes: Mistake[] };

/** What the app gets: `status` 0 and `error` when no answer came, or it broke off, whatever the cause. */
export type TriggerAnswer = { referenceId: string; status: number; data: unknown; error: boolean };

/** Bytes of a third party's answer, before and after decompression. */
const maxAnswerBytes = 1024 * 1024;

/**
 * Triggers a registered webhook: one request, whose invocation is on record before it goes out.
 * @throws Problem when nothing was sent: no such webhook, or what was handed over does not fit. It is on record too.
 */
export async function triggerWebhook(
  options: TriggerOptions,
  caller: Caller,
  handed: Handed,
): Promise<TriggerAnswer> {
  const { db, sender } = options;
  const invocation = { ...caller, id: uuidv7() };
  const prepared = await prepare(options, caller, handed).catch(async (error: unknown) => {
    await refuseInvocation(db, invocation, refusalOf(error));
    throw error;
  });
  const { row, registration } = prepared;
  const request = withOwnHeaders(prepared.request, invocation, registration.secret);
  await beginInvocation(db, invocation, row.recordBodies, request.body);
  const record = (end: InvocationEnd) => endOrLog(db, invocation, row.recordBodies, end);
  try {
    const reply = await sender.request(request, { timeoutMs: row.timeoutMs, maxBodyBytes: maxAnswerBytes });
    const { answer, end } = await readReply(reply, hiddenValues(registration));
    await record(end);
    return { referenceId: invocation.id, ...answer };
  } catch (error) {
    await record(brokenOff);
    throw error;
  }
}

/** How an invocation ends that a bug of ours cut off. */
const brokenOff: InvocationEnd = {
  outcome: 'failed',
  reason: 'internal',
  durationMs: null,
  statusCode: null,
  response: null,
};

/** The request has been sent: an app that is told of an error now would send it again. */
async function endOrLog(...end: Parameters<typeof endInvocation>): Promise<void> {
  try {
    await endInvocation(...end);
  } catch (error) {
    logger.error({ err: error }, 'end of an invocation not recorded; it will be abandoned');
  }
}

type Prepared = { row: WebhookRow; registration: OpenedWebhook; request: ThirdPartyRequest };
type OpenedWebhook = ReturnType<typeof openWebhook>;

async function prepare(
  { db, encryption }: TriggerOptions,
  caller: Caller,
  handed: Handed,
): Promise<Prepared> {
  const row = await findWebhook(db, caller);
  if (!row) throw unknownWebhook();
  if (!handed.ok) throw invalid(handed.mistakes);
  const registration = openWebhook(row, encryption);
  const composed = composeRequest(registration, handed.trigger);
  if (!composed.ok) throw invalid(composed.mistakes);
  return { row, registration, request: composed.request };
}

function refusalOf(error: unknown) {
  if (!(error instanceof Problem)) return { reason: 'internal', detail: null } as const;
  return { reason: error.status === 404 ? 'not_registered' : 'does_not_fit', detail: error.message } as const;
}

/** The header by which a flow recognises that it was called by itself, through a third party. */
export const chainHeader = 'bellhop-flows';

function withOwnHeaders(
  request: ThirdPartyRequest,
  { id, chain }: { id: string; chain?: string[] },
  secret: string | null,
): ThirdPartyRequest {
  const headers = {
    'user-agent': `Bellhop/${version}`,
    ...request.headers,
    ...(chain && { [chainHeader]: chain.join(',') }),
  };
  if (secret === null) return { ...request, headers };
  const timestamp = Math.floor(Date.now() / 1000);
  const signature = sign({ secrets: [secret], id, timestamp, body: request.body ?? '' });
  const signed = { 'webhook-id': id, 'webhook-timestamp': String(timestamp), 'webhook-signature': signature };
  return { ...request, headers: { ...headers, ...signed } };
}

type Read = { answer: Omit<TriggerAnswer, 'referenceId'>; end: InvocationEnd };

async function readReply(reply: Reply, hidden: string[]): Promise<Read> {
  const durationMs = Math.round(reply.durationMs);
  if (reply.kind === 'failed') {
    const { outcome, reason } = reply;
    return {
      answer: { status: 0, data: null, error: true },
      end: { outcome, reason, durationMs, statusCode: null, response: null },
    };
  }
  const { statusCode } = reply;
  const body = reply.cutOff === null ? await decompress(reply, maxAnswerBytes) : { unreadable: reply.cutOff };
  if (!Buffer.isBuffer(body)) {
    const outcome = body.unreadable === 'timeout' ? 'timed_out' : 'failed';
    const cameWhole = body.unreadable !== 'timeout' && body.unreadable !== 'reset';
    return {
      answer: { status: cameWhole ? statusCode : 0, data: null, error: true },
      end: { outcome, reason: body.unreadable, durationMs, statusCode, response: null },
    };
  }
  const data = readData(body, reply.contentType, hidden);
  return {
    answer: { status: statusCode, data, error: statusCode < 200 || statusCode > 299 },
    end: {
      outcome: 'answered',
      reason: null,
      durationMs,
      statusCode,
      response: { data, bytes: body.length },
    },
  };
}
