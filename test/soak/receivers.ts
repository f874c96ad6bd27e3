import { setTimeout as delay } from 'node:timers/promises';
import {
  type Answer,
  type ReceivedRequest,
  reset,
  sayNothing,
  startRawReceiver,
  startReceiver,
} from '../support/receiver.ts';
import type { Random } from './random.ts';

/** Receivers of several kinds, and what those got that read what they get. */
export async function startReceivers(random: Random) {
  const kinds = {
    prompt: (_request, response) => response.writeHead(204).end(),
    slow: async (_request, response) => {
      await delay(random.between(20, 400));
      response.writeHead(200).end('thank you');
    },
    failing: (_request, response) => response.writeHead(random.pick([400, 421, 429, 500, 503])).end(),
    hanging: () => {},
    closing: (_request, response) => response.destroy(),
    fickle: async (_request, response) => {
      if (random.chance(0.05)) return; // the deadline ends it
      await delay(random.between(0, 20));
      response.writeHead(random.chance(0.8) ? 204 : 500).end(() => {
        if (random.chance(0.3)) response.socket?.end();
      });
    },
  } satisfies Record<string, Answer>;
  const receivers = await Promise.all(
    Object.values(kinds).map(async (answer) => {
      const receiver = await startReceiver();
      receiver.answerWith(answer);
      return receiver;
    }),
  );
  const deaf = await Promise.all([sayNothing, reset].map((behave) => startRawReceiver(behave)));
  const all = [...receivers, ...deaf];
  return {
    /** Where they are. The path of a URL names the endpoint. */
    urls: all.map(({ url }) => url),
    /** What came to each, in the order in which it came. */
    requests: (): ReceivedRequest[][] => receivers.map((receiver) => receiver.requests),
    count: () => receivers.reduce((sum, receiver) => sum + receiver.requests.length, 0),
    /** From now on every receiver answers at once, or refuses connections: what waits for it can go out. */
    async heal(): Promise<void> {
      for (const receiver of receivers) receiver.answerWith(kinds.prompt);
      await Promise.all(deaf.map((listener) => listener.stop()));
    },
    stop: () => Promise.all(receivers.map((receiver) => receiver.stop())),
  };
}
