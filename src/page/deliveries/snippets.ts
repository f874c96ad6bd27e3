/** A request that was sent, as far as people may read it. */
type Sent = { url: string; requestHeaders: Record<string, string>; body: string };

/**
 * The request as a command for a POSIX shell. Masked values stay masked: whoever runs it puts in their own.
 * @example toCurl({ url: 'https://a.example/b', requestHeaders: {}, body: '[]' }); // "curl --globoff --request POST ..."
 */
export function toCurl({ url, requestHeaders, body }: Sent): string {
  const headers = Object.entries(requestHeaders).map(
    ([name, value]) => `--header ${quote(`${name}: ${value}`)}`,
  );
  // Without --globoff, curl takes brackets in the URL for a pattern.
  return ['curl --globoff --request POST', ...headers, `--data-raw ${quote(body)}`, quote(url)].join(
    ' \\\n  ',
  );
}

/** A text as one word of a POSIX shell: nothing inside single quotes means anything but a single quote. */
function quote(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

/** A receiver for Node.js that believes only what we signed. @param secretHint what the secret ends with. */
export function toReceiver(secretHint: string): string {
  return `// npm install standardwebhooks
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { Webhook } from 'standardwebhooks';

// The signing secret of this webhook, which ends with ${secretHint}
const webhook = new Webhook(process.env.WEBHOOK_SECRET);

createServer(async (request, response) => {
  const body = await text(request); // exactly as it came: parsed and printed again, it has another signature
  try {
    const events = webhook.verify(body, request.headers);
    response.writeHead(204).end(); // first of all: there are 2 seconds
    for (const { action, uuid } of events) console.log(action, uuid);
  } catch {
    response.writeHead(401).end();
  }
}).listen(process.env.PORT ?? 3000);
`;
}
