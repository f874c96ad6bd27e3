import { html } from 'hono/html';
import { deliverySchema } from '../../outbox/delivery.ts';
import { type Delivery, DeliveryRow } from './delivery-row.tsx';

/** The URL of a webhook by its id; undefined when there is none. */
type FindUrl = (endpointId: string) => Promise<string | undefined>;

/**
 * Turns the API's stream of deliveries into one of rows for htmx: the same server-sent events, with HTML as their data.
 * Comments pass as they are.
 */
export function toRows(findUrl: FindUrl): TransformStream<string, string> {
  let rest = '';
  return new TransformStream({
    async transform(chunk, controller) {
      const messages = (rest + chunk).split('\n\n');
      rest = messages.pop() ?? '';
      for (const message of messages) controller.enqueue(`${await toRow(message, findUrl)}\n\n`);
    },
  });
}

async function toRow(message: string, findUrl: FindUrl): Promise<string> {
  const lines = await Promise.all(
    message.split('\n').map(async (line) => {
      if (!line.startsWith('data:')) return line;
      const delivery = deliverySchema.parse(JSON.parse(line.slice('data:'.length)));
      return `data: ${await draw(delivery, await findUrl(delivery.endpointId))}`;
    }),
  );
  return lines.join('\n');
}

async function draw(delivery: Delivery, url: string | undefined): Promise<string> {
  const row = await html`${<DeliveryRow delivery={delivery} url={url} isNew />}`;
  // A line break would end the data.
  return row.replaceAll(/[\r\n]+/g, ' ');
}
