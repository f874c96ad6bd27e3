import { isPassing } from './client-error.ts';
import type { CallOptions } from './client-http.ts';

type Open = (options: { signal: AbortSignal; headers: Record<string, string> }) => Promise<Response>;

/** Milliseconds without a sign of the stream after which it is opened anew: three heartbeats. */
const silenceMs = 45_000;
/** Milliseconds until a stream that was cut is opened anew. */
const pauseMs = 1000;
/** Ids that are remembered, as many as Bellhop sends again at most. */
const maxSeen = 1000;

/**
 * Reads server-sent events until the loop ends. A stream that is cut is opened anew, from the event that came last; what
 * comes twice is left out.
 * @throws BellhopError when Bellhop refuses, such as a key that was revoked meanwhile. What makes the first connection
 * fail is thrown as well.
 */
export async function* listen<Item>(
  open: Open,
  { signal, lastEventId }: CallOptions & { lastEventId?: string | undefined },
): AsyncGenerator<Item, void> {
  const seen = new Set<string>();
  let lastId = lastEventId;
  let hasOpened = false;
  const openNoting: Open = async (options) => {
    const response = await open(options);
    hasOpened = true;
    return response;
  };
  for (;;) {
    try {
      for await (const { id, data } of readOnce(openNoting, lastId, signal)) {
        lastId = id;
        if (seen.has(id)) continue;
        remember(seen, id);
        const item: unknown = JSON.parse(data);
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the specification says so
        yield item as Item;
      }
    } catch (error) {
      if (!hasOpened || signal?.aborted || !isPassing(error)) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}

function remember(seen: Set<string>, id: string): void {
  seen.add(id);
  const [oldest] = seen;
  if (seen.size > maxSeen && oldest !== undefined) seen.delete(oldest);
}

type Message = { id: string; data: string };

async function* readOnce(
  open: Open,
  lastId: string | undefined,
  signal: AbortSignal | undefined,
): AsyncGenerator<Message, void> {
  const silence = new AbortController();
  const either = signal ? AbortSignal.any([signal, silence.signal]) : silence.signal;
  const response = await open({ signal: either, headers: lastId ? { 'last-event-id': lastId } : {} });
  const reader = response.body?.getReader();
  const decoder = new TextDecoder();
  let text = '';
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    for (;;) {
      timer = setTimeout(() => silence.abort(), silenceMs);
      const { done, value } = (await reader?.read()) ?? { done: true, value: undefined };
      clearTimeout(timer);
      if (done) return;
      const parts = (text + decoder.decode(value, { stream: true })).split('\n\n');
      text = parts.pop() ?? '';
      yield* parts.flatMap((part) => parse(part) ?? []);
    }
  } finally {
    clearTimeout(timer);
    silence.abort();
  }
}

/** An event of the stream; comments, which only show that it is there, are none. */
function parse(part: string): Message | undefined {
  const fields = new Map(
    part.split('\n').map((line) => [/^\w*/.exec(line)?.[0], line.replace(/^\w*: ?/, '')]),
  );
  const [id, data] = [fields.get('id'), fields.get('data')];
  return id === undefined || data === undefined ? undefined : { id, data };
}
