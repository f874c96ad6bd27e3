import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { setTimeout as wait } from 'node:timers/promises';
import { nowMs } from './numbers.ts';
import { type Arrivals, rangeSchema } from './receiver.ts';
import { serve } from './processes.ts';

/** Milliseconds that a slow receiver takes to answer. */
const slowMs = 20;

let first = 0;
let awaited = Number.POSITIVE_INFINITY;
let times = new Float64Array();
let arrivals: Arrivals = { posts: 0, events: 0, repeated: 0, firstAt: 0, lastAt: 0 };
let complete = () => {};

const server = createServer((request, response) => void answer(request, response));
server.keepAliveTimeout = 60_000;

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { url = '' } = request;
  const body = await text(request);
  if (url.startsWith('/hang/')) return;
  note(body);
  if (url.startsWith('/slow/')) await wait(slowMs);
  response.writeHead(204).end();
}

/** Finds the numbers of the events without parsing them: the receiver shall cost as little as can be. */
const marker = '"customerid":';

function note(body: string): void {
  const now = nowMs();
  arrivals.posts += 1;
  arrivals.firstAt ||= now;
  arrivals.lastAt = now;
  for (let at = body.indexOf(marker); at !== -1; at = body.indexOf(marker, at + marker.length)) {
    const index = Number.parseInt(body.slice(at + marker.length, at + 32), 10) - first;
    if (times[index] === 0) {
      times[index] = now;
      arrivals.events += 1;
    } else arrivals.repeated += 1;
  }
  if (arrivals.events >= awaited) complete();
}

serve({
  listen: () =>
    new Promise((resolve) => {
      server.listen(0, '127.0.0.1', () => {
        const address = server.address();
        resolve(typeof address === 'object' && address !== null ? address.port : 0);
      });
    }),
  expect: (argument) => {
    const range = rangeSchema.parse(argument);
    ({ first } = range);
    awaited = Number.POSITIVE_INFINITY;
    times = new Float64Array(range.count);
    arrivals = { posts: 0, events: 0, repeated: 0, firstAt: 0, lastAt: 0 };
  },
  arrived: (argument) =>
    new Promise<void>((resolve) => {
      awaited = Number(argument);
      complete = resolve;
      if (arrivals.events >= awaited) resolve();
    }),
  report: () => arrivals,
  times: () => times,
});
