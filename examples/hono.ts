import { serve } from '@hono/node-server';
import { receive, type SessionEvent } from 'bellhop/receiver';
import { Hono } from 'hono';

const secret = process.env['WEBHOOK_SECRET'] ?? '';

const app = new Hono().post('/hooks/vr', (c) => receive(c.req.raw, { secret, onEvents }));

function onEvents(events: SessionEvent[]) {
  for (const { uuid, action, stations } of events) console.log(`${action} ${uuid} ${stations}`);
}

const port = Number(process.env['PORT'] ?? 3000);
serve({ fetch: app.fetch, port, hostname: '127.0.0.1' }, (address) => console.log('listening', address));
