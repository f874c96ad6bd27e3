import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type Arrival, createTracker, type Delivery, VerificationError, verify } from '../../kit/receiver.ts';
import { urlAt } from '../connection.ts';
import { CommandError, describeError } from '../errors.ts';

/** What a request turned out to be. `unchecked`: there is no secret to verify it with. */
export type Verdict =
  | { kind: 'valid'; delivery: Delivery; arrival: Arrival }
  | { kind: 'unchecked' }
  | { kind: 'invalid'; message: string };

/** A request that came in, with the status that it was answered. */
export type Arrived = {
  at: Date;
  method: string;
  /** The path and query that were asked for. */
  target: string;
  /** Names and values in turn, as they were sent. */
  rawHeaders: string[];
  headers: Record<string, string[] | undefined>;
  body: Buffer;
  status: number;
  verdict: Verdict;
};

/** Bytes of a body: four times what a delivery may have. */
const maxBytes = 1024 * 1024;
/** Milliseconds that a whole request may take. */
const requestMs = 10_000;

/**
 * Starts a receiver: every request is answered first, and then handed to `show`, in the order of their answers.
 * @param secrets may be added to while it runs.
 * @throws CommandError when it cannot listen there.
 */
export async function startListener(
  { port, host }: { port: number; host: string },
  secrets: string[],
  show: (arrived: Arrived) => void,
): Promise<{ url: string; stop(): Promise<void> }> {
  const judge = createJudge(secrets);
  const server = createServer({ requestTimeout: requestMs }, (request, response) => {
    receive(request, response, judge).then(
      (arrived) => arrived && show(arrived),
      () => request.destroy(),
    );
  });
  server.listen(port, host);
  await once(server, 'listening').catch((error: unknown) => {
    throw new CommandError(`Cannot listen on ${host}:${port}: ${describeError(error)}.`, {
      hint: 'Choose another one by --port.',
    });
  });
  const address = server.address();
  const taken = typeof address === 'object' && address ? address.port : port;
  return {
    url: urlAt(host, taken),
    async stop() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

type Judge = (incoming: Pick<Arrived, 'headers' | 'body'>) => Promise<Verdict & { status: number }>;

function createJudge(secrets: string[]): Judge {
  const tracker = createTracker();
  return async (incoming) => {
    if (secrets.length === 0) return { kind: 'unchecked', status: 204 };
    try {
      const delivery = await verify(incoming, secrets);
      return { kind: 'valid', delivery, arrival: await tracker.note(delivery), status: 204 };
    } catch (error) {
      if (!(error instanceof VerificationError)) throw error;
      return { kind: 'invalid', message: error.message, status: error.reason === 'body' ? 400 : 401 };
    }
  };
}

async function receive(
  request: IncomingMessage,
  response: ServerResponse,
  judge: Judge,
): Promise<Arrived | null> {
  const at = new Date();
  const { method = '', url: target = '', rawHeaders, headersDistinct: headers } = request;
  const incoming = { at, method, target, rawHeaders, headers };
  if (method !== 'POST') {
    request.resume();
    return answer(response, { ...incoming, body: Buffer.alloc(0), ...refuse(405, 'Expected a POST.') });
  }
  const body = await readBody(request);
  if (!body) {
    const refusal = refuse(413, `The body has more than ${maxBytes} bytes, which no delivery has.`);
    return answer(response, { ...incoming, body: Buffer.alloc(0), ...refusal });
  }
  const { status, ...verdict } = await judge({ headers, body });
  return answer(response, { ...incoming, body, status, verdict });
}

function refuse(status: number, message: string): Pick<Arrived, 'status' | 'verdict'> {
  return { status, verdict: { kind: 'invalid', message } };
}

function answer(response: ServerResponse, arrived: Arrived): Arrived {
  const { status } = arrived;
  response.writeHead(status, { ...(status === 413 && { connection: 'close' }) }).end();
  return arrived;
}

/** @returns null when it is too large. */
async function readBody(request: IncomingMessage): Promise<Buffer | null> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    bytes += chunk.length;
    if (bytes > maxBytes) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
