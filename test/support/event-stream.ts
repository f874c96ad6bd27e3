import { EventEmitter, once } from 'node:events';
import { onTestFinished } from 'vitest';
import { adminKey } from './service.ts';

/** A server-sent event as it came; a comment has none of the three. */
type StreamMessage = { event?: string; id?: string; data?: string; comment?: string };

/** A stream of server-sent events that is being read. */
export type EventStream = {
  status: number;
  headers: Headers;
  messages: StreamMessage[];
  /** Waits until `count` events came in all. @returns the JSON that they carry. */
  // oxlint-disable-next-line typescript/no-explicit-any -- tests assert on what comes, whatever it is
  received: (count: number) => Promise<any[]>;
  /** Waits until such a comment came. */
  commented: (comment: string) => Promise<void>;
  /** How it ended: `end` by the server, or `broken`. */
  ended: Promise<'end' | 'broken'>;
  /** Leaves. */
  close: () => void;
};

/**
 * Opens a stream and reads it until the test is over.
 * @example const stream = await openStream(`${service.url}/v1/locations/a/deliveries/stream`); await stream.received(1);
 */
export async function openStream(
  url: string,
  { key = adminKey, lastEventId, cookie }: { key?: string; lastEventId?: string; cookie?: string } = {},
): Promise<EventStream> {
  const leaving = new AbortController();
  onTestFinished(() => leaving.abort());
  const credential = cookie ? { cookie } : { authorization: `Bearer ${key}` };
  const headers = { ...credential, ...(lastEventId && { 'last-event-id': lastEventId }) };
  const response = await fetch(url, { headers, signal: leaving.signal });
  const messages: StreamMessage[] = [];
  const signals = new EventEmitter();
  const until = async (isThere: () => boolean) => {
    while (!isThere()) await once(signals, 'change');
  };
  const events = () => messages.filter(({ event }) => event !== undefined);
  return {
    status: response.status,
    headers: response.headers,
    messages,
    async received(count) {
      await until(() => events().length >= count);
      return events().map(({ data = '' }) => JSON.parse(data));
    },
    commented: (comment) => until(() => messages.some((message) => message.comment === comment)),
    ended: read(response, messages, signals),
    close: () => leaving.abort(),
  };
}

async function read(response: Response, messages: StreamMessage[], signals: EventEmitter) {
  let text = '';
  try {
    for await (const chunk of (response.body ?? new ReadableStream()).pipeThrough(new TextDecoderStream())) {
      const parts = (text + chunk).split('\n\n');
      text = parts.pop() ?? '';
      messages.push(...parts.map(parse));
      signals.emit('change');
    }
    return 'end' as const;
  } catch {
    return 'broken' as const;
  }
}

function parse(part: string): StreamMessage {
  const fields = part.split('\n').map((line): [string, string] => {
    const [, name = '', value = ''] = /^(\w*): ?(.*)$/.exec(line) ?? [];
    return [name || 'comment', value];
  });
  return Object.fromEntries(fields);
}
