import { and, eq, inArray } from 'drizzle-orm';
import type { Database } from '../db/client.ts';
import type { Encryption } from '../db/encryption.ts';
import { flows } from '../db/schema.ts';
import { verify } from '../delivery/signature.ts';
import { Problem } from '../http/problem.ts';
import { chainHeader } from '../webhooks/trigger.ts';
import type { Execution, FlowResponse } from './execute.ts';
import type { FlowRow } from './flow.ts';
import { openSigningSecret } from './flows.ts';
import { parseIncoming } from './incoming-body.ts';
import { beginRun, endRun, type NewRun, type RunRow } from './run.ts';
import type { Runner } from './runner.ts';

/** What incoming webhooks work with. */
export type IncomingOptions = { db: Database; encryption: Encryption; runner: Runner };

/** As much of a request as matters here. */
export type IncomingRequest = {
  text(): Promise<string>;
  header(name: string): string | undefined;
};

/** What an incoming webhook has to say to its caller. */
export type IncomingAnswer = FlowResponse;

/** The most flows that may have led to a run, each calling the next through a third party. */
const maxChain = 5;

/** What a paused flow answers, whatever it was asked. */
const paused: IncomingAnswer = {
  status: 200,
  type: 'application/json',
  body: JSON.stringify({
    status: 200,
    error: 'biz_logic',
    message: 'Flow status is `paused`. Unpause to run this flow using a webhook',
    data: null,
  }),
};

/**
 * Runs a flow for an outside service that may do so: at once, or later when the flow is `async`.
 * @param props what an app put down for this URL; an empty object for a flow's own URL.
 * @throws Problem when the request cannot be read or is not signed as it must be, or the flow fails.
 */
export async function runIncoming(
  { db, encryption, runner }: IncomingOptions,
  flow: FlowRow,
  request: IncomingRequest,
  { source, props }: Pick<NewRun, 'source'> & { props: unknown },
): Promise<IncomingAnswer> {
  const text = await request.text();
  requireSignature(flow, encryption, request, text);
  if (flow.status === 'paused') return paused;
  const input = { event: parseIncoming(text, request.header('content-type')), props };
  const chain = chainOf(request);
  const status = flow.async ? 'queued' : 'running';
  const { run, isNew } = await beginRun(db, flow, {
    source,
    status,
    input,
    chain,
    idempotencyKey: idempotencyKeyOf(request),
  });
  if (isNew && isLoop(flow, chain)) return cutLoop(db, flow, run);
  if (flow.async) {
    runner.wake();
    return { status: 200, type: 'application/json', body: JSON.stringify({ runId: run.id }) };
  }
  return isNew ? answerOf(run.id, await runner.execute(flow, run)) : answerAgain(run);
}

function requireSignature(
  flow: FlowRow,
  encryption: Encryption,
  request: IncomingRequest,
  body: string,
): void {
  const secret = openSigningSecret(flow, encryption);
  if (secret === null) return;
  const headers = {
    id: request.header('webhook-id') ?? '',
    timestamp: request.header('webhook-timestamp') ?? '',
    signature: request.header('webhook-signature') ?? '',
  };
  if (!verify(secret, headers, body, new Date()))
    throw new Problem(401, 'The request is not signed with the secret of this flow, or not now.');
}

/** What the sender calls the request, so that repeating it is harmless: visible ASCII. */
function idempotencyKeyOf(request: IncomingRequest): string | undefined {
  const key = request.header('idempotency-key') ?? request.header('webhook-id');
  if (key === undefined) return undefined;
  if (!/^[\x20-\x7e]{1,255}$/.test(key))
    throw new Problem(422, 'The idempotency key must be 1 to 255 visible ASCII characters.');
  return key;
}

/** The flows that led here. Anybody can send this header, but only to be refused the sooner. */
function chainOf(request: IncomingRequest): string[] {
  const ids = (request.header(chainHeader) ?? '').split(',').map((id) => id.trim());
  return ids.filter((id) => /^[0-9a-f-]{36}$/.test(id)).slice(0, maxChain + 1);
}

function isLoop(flow: FlowRow, chain: string[]): boolean {
  return chain.includes(flow.id) || chain.length > maxChain;
}

async function cutLoop(db: Database, flow: FlowRow, run: RunRow): Promise<never> {
  const rows = await db
    .select({ id: flows.id, name: flows.name })
    .from(flows)
    .where(and(eq(flows.locationId, flow.locationId), inArray(flows.id, [...run.chain, flow.id])));
  const nameOf = (id: string) => rows.find((row) => row.id === id)?.name ?? 'a flow of another location';
  const message = `The flows call each other in a loop: ${[...run.chain, flow.id].map(nameOf).join(' -> ')}`;
  const error = { where: 'flow', message, line: null };
  await endRun(db, run, { status: 'failed', steps: [], response: null, error });
  throw new Problem(508, 'The flows behind this URL call each other in a loop, which was cut here.');
}

function answerOf(runId: string, { response }: Execution): IncomingAnswer {
  if (response) return response;
  throw new Problem(500, `The flow failed. Its run ${runId} tells why.`);
}

/** A repeated request gets the answer of the run that the first one began. */
function answerAgain(run: RunRow): IncomingAnswer {
  const { status, responseStatus, responseType, responseBody } = run;
  if (status === 'queued' || status === 'running')
    throw new Problem(409, 'The same request is still under way.', { headers: { 'retry-after': '1' } });
  if (responseStatus === null || responseBody === null)
    throw new Problem(500, `The flow failed. Its run ${run.id} tells why.`);
  const type = responseType === 'application/json' ? responseType : 'text/plain';
  return { status: responseStatus, type, body: responseBody };
}
