import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { receive, type SessionEvent } from 'bellhop/receiver';

const secret = process.env['WEBHOOK_SECRET'] ?? '';

// A request that breaks off must not end the process.
const server = createServer((request, response) => {
  answer(request, response).catch(() => request.destroy());
});

async function answer(request: IncomingMessage, response: ServerResponse) {
  const { method, headers } = request;
  const { status } = await receive({ method, headers, body: request }, { secret, onEvents });
  response.writeHead(status).end();
}

function onEvents(events: SessionEvent[]) {
  for (const { uuid, action, stations } of events) console.log(`${action} ${uuid} ${stations}`);
}

server.listen(Number(process.env['PORT'] ?? 3000), '127.0.0.1', () =>
  console.log('listening', server.address()),
);
