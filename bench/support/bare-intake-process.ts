import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { serve } from './processes.ts';

/** An intake that stores nothing: it reads the JSON of a request, and answers as Bellhop does. */
async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { locationId }: { locationId: string } = JSON.parse(await text(request));
  response.writeHead(202, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ accepted: 1, duplicates: 0, events: [{ locationId, sequence: 1 }] }));
}

const server = createServer((request, response) => void answer(request, response));

serve({
  listen: () =>
    new Promise((resolve) => {
      server.listen(0, '127.0.0.1', () => {
        const address = server.address();
        resolve(typeof address === 'object' && address !== null ? address.port : 0);
      });
    }),
});
