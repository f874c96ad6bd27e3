import { eq } from 'drizzle-orm';
import type { Database } from '../db/client.ts';
import type { Encryption } from '../db/encryption.ts';
import { flows } from '../db/schema.ts';
import { verify } from '../delivery/signature.ts';
import { Problem } from '../http/problem.ts';
import { chainHeader } from '../webhooks/trigger.ts';
import type { Execution, FlowResponse } from './execute.ts';
import type { FlowRow } from './flow.ts';
import { openSigningSecret, markOf } from './flows.ts';
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

/** By which URL a request came. */
type Incoming = Pick<NewRun, 'source'> & { url: string; props: unknown };

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
 * @param incoming.url tells apart the URLs of a flow, whose senders know nothing of each other.
 * @param incoming.props what an app put down for this URL; an empty object for a flow's own URL.
 * @throws Problem when the request cannot be read or is not signed as it must be, or the flow fails.
 */
export async function runIncoming(
  { db, encryption, runner }: IncomingOptions,
  flow: FlowRow,
  request: IncomingRequest,
  { source, url, props }: Incoming,
): Promise<IncomingAnswer> {
  const text = await request.text();
  requireSignature(flow, encryption, request, text);
  if (flow.status === 'paused') return paused;
  const input = { event: parseIncoming(text, request.header('content-type')), props };
  const chain = chainOf(request);
  const isLoop = chain.includes(markOf(flow.id)) || chain.length > maxChain;
  const { run, isNew } = await beginRun(db, flow, {
    source,
    // A loop is never queued: a worker would go on with it.
    status: flow.async && !isLoop ? 'queued' : 'running',
    input,
    chain,
    idempotencyKey: idempotencyKeyOf(flow, request, url),
  });
  if (isNew && isLoop) return cutLoop(db, flow, run);
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

/**
 * What the sender calls the request, so that repeating it is harmless: visible ASCII. Of one who signs only the signed
 * name counts: under another, a request that somebody recorded would run again.
 */
function idempotencyKeyOf(flow: FlowRow, request: IncomingRequest, url: string): string | undefined {
  const unsigned = flow.signingSecret === null ? request.header('idempotency-key') : undefined;
  const key = unsigned ?? request.header('webhook-id');
  if (key === undefined) return undefined;
  if (!/^[\x20-\x7e]{1,255}$/.test(key))
    throw new Problem(422, 'The idempotency key must be 1 to 255 visible ASCII characters.');
  return `${url} ${key}`;
}

/** The marks of the flows that led here. Anybody can send this header, but only to be refused the sooner. */
function chainOf(request: IncomingRequest): string[] {
  const marks = (request.header(chainHeader) ?? '').split(',').map((mark) => mark.trim());
  return marks.filter((mark) => /^[0-9a-f]{32}$/.test(mark)).slice(0, maxChain + 1);
}

async function cutLoop(db: Database, flow: FlowRow, run: RunRow): Promise<never> {
  const rows = await db
    .select({ id: flows.id, name: flows.name })
    .from(flows)
    .where(eq(flows.locationId, flow.locationId));
  const names = new Map(rows.map(({ id, name }) => [markOf(id), name]));
  const nameOf = (mark: string) => names.get(mark) ?? 'a flow of another location';
  const message = `The flows call each other in a loop: ${[...run.chain, markOf(flow.id)].map(nameOf).join(' -> ')}`;
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
