import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { catchUp, createTracker, type Delivery, receive, type SequenceRange } from 'bellhop/receiver';

const { WEBHOOK_SECRET: secret = '', BELLHOP_URL: url = '', BELLHOP_KEY: key = '' } = process.env;

// Give it a store of your own, `createTracker({ get, set })`, and it goes on after a restart.
const tracker = createTracker();

async function onDelivery({ locationId, sequence, events, test }: Delivery) {
  if (test) return;
  const arrival = await tracker.note({ locationId, sequence });
  if (arrival.kind !== 'new') return;
  // What cannot be read must not keep back what has come.
  if (arrival.gap) await readMissed(locationId, arrival.gap).catch((error: unknown) => console.error(error));
  for (const event of events) handle('sent', event);
}

async function readMissed(locationId: string, { first, last }: SequenceRange) {
  for await (const event of catchUp({ url, key, locationId, after: first - 1, through: last })) {
    const arrival = await tracker.note({ locationId, sequence: only(event.sequence) });
    if (arrival.kind === 'new') handle('missed', event);
  }
}

const only = (sequence: number) => ({ first: sequence, last: sequence });

function handle(how: string, { uuid, action }: { uuid: string; action: string }) {
  console.log(`${how} ${action} ${uuid}`);
}

// One after the other, so that a delivery waits until what came before it is done.
let turn: Promise<unknown> = Promise.resolve();

function onEvents(_events: unknown, delivery: Delivery) {
  turn = turn.then(() => onDelivery(delivery)).catch((error: unknown) => console.error(error));
}

const server = createServer((request, response) => {
  answer(request, response).catch(() => request.destroy());
});

async function answer(request: IncomingMessage, response: ServerResponse) {
  const { method, headers } = request;
  const { status } = await receive({ method, headers, body: request }, { secret, onEvents });
  response.writeHead(status).end();
}

server.listen(Number(process.env['PORT'] ?? 3000), '127.0.0.1', () =>
  console.log('listening', server.address()),
);
