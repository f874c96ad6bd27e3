import { onTestFinished } from 'vitest';
import {
  type AttemptRequest,
  createSender,
  type Sender,
  type SenderOptions,
} from '../../src/delivery/attempt.ts';
import { parseCidrs } from '../../src/delivery/url-guard.ts';

/** What test receivers on this machine need to be reached. */
const loopback = parseCidrs('127.0.0.0/8');

/** Makes a sender that reaches 127.0.0.1, by default within 10 s, and is closed when the test is over. */
export function sender(options: Partial<SenderOptions> = {}): Sender {
  const made = createSender({ allow: loopback, timeoutMs: 10_000, ...options });
  onTestFinished(() => made.close());
  return made;
}

/** A POST of `[]`. */
export function post(url: string, given: Partial<AttemptRequest> = {}): AttemptRequest {
  return { url, method: 'POST', headers: {}, body: '[]', ...given };
}

/** Stops something when the test is over: `const receiver = await running(startReceiver())`. */
export async function running<T extends { stop: () => Promise<unknown> }>(started: Promise<T>): Promise<T> {
  const thing = await started;
  onTestFinished(async () => {
    await thing.stop();
  });
  return thing;
}

/** A resolver that answers always these addresses. */
export function resolvesTo(...addresses: string[]): (host: string) => Promise<string[]> {
  return () => Promise.resolve(addresses);
}
