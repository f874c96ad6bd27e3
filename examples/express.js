import { receive } from 'bellhop/receiver';
import express from 'express';

const secret = process.env.WEBHOOK_SECRET;
const app = express();

// Before any express.json(): the signature is over the bytes that came, so they must not be parsed yet.
app.post('/hooks/vr', async (request, response) => {
  const { method, headers } = request;
  const { status } = await receive({ method, headers, body: request }, { secret, onEvents });
  response.status(status).end();
});

function onEvents(events) {
  for (const { uuid, action, stations } of events) console.log(`${action} ${uuid} ${stations}`);
}

const server = app.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () =>
  console.log('listening', server.address()),
);
