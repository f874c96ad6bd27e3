import { z } from 'zod';
import { problemSchema } from './answers.ts';
import { CommandError, describeError } from './errors.ts';
import { clean } from './output.ts';

/** Milliseconds that an answer may take. */
const answerMs = 30_000;
/** Milliseconds after which a stream is given up that says nothing: it shows every 15 seconds that it is there. */
const silentMs = 45_000;

/** The API, as the commands use it. Each call throws a CommandError that says what was refused, or not reached. */
export type Api = ReturnType<typeof createApi>;

/** What is asked for in a list. */
export type Query = Record<string, string | number | undefined>;
/** A delivery that a stream tells of: its `id` is where to go on. */
type StreamedItem = { id: string; data: unknown };

/** Where the API is, without a slash at the end, and the key to use it with. */
type Place = { url: string; key: string };
type Call<Schema> = { method: string; path: string; schema: Schema; body?: unknown };

/** @param place.url without a slash at its end. */
export function createApi(place: Place) {
  return {
    url: place.url,
    get: <Schema extends z.ZodType>(path: string, schema: Schema, query: Query = {}) =>
      call(place, { method: 'GET', path: path + toQuery(query), schema }),
    post: <Schema extends z.ZodType>(path: string, schema: Schema, body?: unknown) =>
      call(place, { method: 'POST', path, schema, body }),
    put: <Schema extends z.ZodType>(path: string, schema: Schema, body: unknown) =>
      call(place, { method: 'PUT', path, schema, body }),
    /** Whatever is answered is taken for success. */
    delete: (path: string) => call(place, { method: 'DELETE', path, schema: z.unknown() }),
    /** The items of a stream until it ends, however it does; `lastId` is the one that was seen last. */
    stream: (path: string, signal: AbortSignal, lastId?: string) => stream(place, { path, signal, lastId }),
  };
}

async function call<Schema extends z.ZodType>(
  place: Place,
  { method, path, schema, body }: Call<Schema>,
): Promise<z.output<Schema>> {
  const json = { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
  const signal = AbortSignal.timeout(answerMs);
  const response = await send(place, path, { method, signal, ...(body !== undefined && json) });
  const answer: unknown = response.status === 204 ? undefined : await response.json().catch(() => null);
  const parsed = schema.safeParse(answer);
  if (!parsed.success)
    throw new CommandError(`What answers at ${place.url} is not a Bellhop of this version.`);
  return parsed.data;
}

async function send({ url, key }: Place, path: string, init: RequestInit): Promise<Response> {
  const headers = new Headers(init.headers);
  headers.set('authorization', `Bearer ${key}`);
  const response = await fetch(url + path, { redirect: 'manual', ...init, headers }).catch(
    (error: unknown) => {
      throw unreachable(url, error);
    },
  );
  if (!response.ok) throw await toError(response, url);
  return response;
}

type Streamed = { path: string; signal: AbortSignal; lastId: string | undefined };

async function* stream(place: Place, { path, signal, lastId }: Streamed): AsyncGenerator<StreamedItem, void> {
  const silence = new AbortController();
  const timer = setTimeout(() => silence.abort(), silentMs);
  try {
    const response = await send(place, path, {
      headers: lastId ? { 'last-event-id': lastId } : {},
      signal: AbortSignal.any([signal, silence.signal]),
    });
    for await (const message of readMessages(response, () => timer.refresh())) {
      const [, id] = /^id: (.*)$/m.exec(message) ?? [];
      const [, data] = /^data: (.*)$/m.exec(message) ?? [];
      if (id !== undefined && data !== undefined) yield { id, data: JSON.parse(data) };
    }
  } finally {
    clearTimeout(timer);
  }
}

/** @param isThere is called whenever the stream shows that it is there. */
async function* readMessages(response: Response, isThere: () => void): AsyncGenerator<string, void> {
  if (!response.body) return;
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  try {
    for (;;) {
      // One that is cut has ended, too: whoever reads goes on where it was.
      const { done, value } = await reader.read().catch(() => ({ done: true, value: undefined }));
      if (done || value === undefined) return;
      isThere();
      const messages = (text + value).split('\n\n');
      text = messages.pop() ?? '';
      yield* messages;
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}

/** Milliseconds in which a service that is ready says so. */
const readyMs = 3000;

/** Asks a service whether it is ready; it needs no key. Never throws. */
export async function askReady(url: string): Promise<boolean> {
  try {
    const response = await fetch(`${url.replace(/\/+$/, '')}/readyz`, {
      signal: AbortSignal.timeout(readyMs),
    });
    const answer = readySchema.safeParse(await response.json());
    return response.ok && answer.success;
  } catch {
    return false;
  }
}

const readySchema = z.object({ status: z.literal('ready') });

function toQuery(query: Query): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) params.set(name, String(value));
  return params.size > 0 ? `?${params.toString()}` : '';
}

function unreachable(url: string, error: unknown): CommandError {
  const isLate = error instanceof Error && error.name === 'TimeoutError';
  const why = isLate
    ? `no answer within ${answerMs / 1000} seconds`
    : describeError(error).replace(/^fetch failed: /, '');
  return new CommandError(`Bellhop cannot be reached at ${url}: ${why}.`, {
    hint: 'Is it running? Its address is set by --api URL, or BELLHOP_URL.',
  });
}

async function toError(response: Response, url: string): Promise<CommandError> {
  const { status } = response;
  const target = response.headers.get('location');
  if (status >= 300 && status < 400)
    return new CommandError(
      `${url} answered ${status}: what is asked for is at ${clean(target ?? 'another address')}.`,
      {
        hint: 'Set its address by --api URL, or BELLHOP_URL.',
        status,
      },
    );
  const problem = problemSchema.safeParse(await response.json().catch(() => null));
  if (!problem.success)
    return new CommandError(`${url} answered ${status}, and not as Bellhop does.`, {
      hint: 'Is Bellhop at this address? It is set by --api URL, or BELLHOP_URL.',
      status,
    });
  const { detail, requestId, errors } = problem.data;
  const hint = hints[status];
  // The mistakes are told one by one: the detail has the first of them once more.
  const message = errors ? detail.replace(/^(The request has [\w ]+\.) .*$/s, '$1') : detail;
  return new CommandError(message, { status, requestId, ...(errors && { errors }), ...(hint && { hint }) });
}

const hints: Record<number, string> = {
  401: 'The key is that of BELLHOP_KEY or --key-file; `bellhop keys list` with an admin key shows which there are.',
  403: 'Use a key with that scope: `bellhop keys create --name NAME --scope SCOPE`, with an admin key, makes one.',
  404: 'A key that is bound to a location sees that one alone.',
  429: 'Wait a moment, and repeat the command.',
  503: 'Wait a moment, and repeat the command.',
};
