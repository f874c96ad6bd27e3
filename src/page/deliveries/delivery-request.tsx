import type { Child } from 'hono/jsx';
import type { FullDelivery } from './delivery-page.tsx';
import { Copyable } from '../parts/copyable.tsx';
import { toCurl, toReceiver } from './snippets.ts';

type Props = {
  delivery: FullDelivery;
  /** What the webhook's secret ends with; null when it was deleted. */
  secretHint: string | null;
};

/** What was sent, to the byte, and how to do the same by hand. */
export function DeliveryRequest({ delivery: { url, requestHeaders, body }, secretHint }: Props) {
  return (
    <section class="card">
      <h2>What was sent</h2>
      <p class="mono break">POST {url}</p>
      {requestHeaders && <Headers headers={requestHeaders} />}
      <Body url={url} headers={requestHeaders} body={body} />
      {secretHint && (
        <Folded
          words="Verify the signature in Node.js"
          label="Receiver"
          text={toReceiver(secretHint)}
          lang="js"
        />
      )}
    </section>
  );
}

type BodyProps = { url: string; headers: Record<string, string> | null; body: string | null };

function Body({ url, headers, body }: BodyProps) {
  if (body === null) return <p class="muted">Its body has left the log with its events.</p>;
  return (
    <>
      <h3>Body</h3>
      <Copyable label="Body, with line breaks" text={JSON.stringify(JSON.parse(body), null, 2)} lang="json" />
      <Folded words="Show it exactly as it was sent" label="Body as sent" text={body} lang="json" />
      {headers && (
        <Folded
          words="Send it by curl"
          label="Command"
          text={toCurl({ url, requestHeaders: headers, body })}
          lang="sh"
        >
          <p class="hint">
            Values that were masked have to be put in by hand. Receivers refuse the signature after 5 minutes.
          </p>
        </Folded>
      )}
    </>
  );
}

function Headers({ headers }: { headers: Record<string, string> }) {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  return (
    <>
      <h3>Headers</h3>
      <Copyable label="Headers" text={lines.join('\n')} />
    </>
  );
}

type FoldedProps = { words: string; label: string; text: string; lang: string; children?: Child };

function Folded({ words, label, text, lang, children }: FoldedProps) {
  return (
    <details class="folded">
      <summary>{words}</summary>
      {children}
      <Copyable label={label} text={text} lang={lang} />
    </details>
  );
}
