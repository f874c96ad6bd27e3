import { receive, type SessionEvent } from 'bellhop/receiver';

type Env = { WEBHOOK_SECRET: string; QUEUE: { send(event: SessionEvent): Promise<unknown> } };
type Context = { waitUntil(work: Promise<unknown>): void };

export default {
  fetch(request: Request, env: Env, context: Context): Promise<Response> {
    return receive(request, {
      secret: env.WEBHOOK_SECRET,
      onEvents: (events) => Promise.all(events.map((event) => env.QUEUE.send(event))),
      // A worker ends with its answer, unless it is told of work that goes on.
      waitUntil: (work) => context.waitUntil(work),
    });
  },
};
