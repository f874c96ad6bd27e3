import { curlOf } from '../registrations/code-samples.ts';
import type { Flow } from './flow-form.ts';
import { parseJson } from '../forms/json-text.ts';
import { Confirm } from '../parts/confirm.tsx';
import { Copyable } from '../parts/copyable.tsx';
import { OverlapField } from '../parts/overlap-field.tsx';
import type { TemplateForm } from './template-form.ts';

type Props = { origin: string; path: string; flow: Flow; sample: TemplateForm };

/** How an outside service runs a flow: its URL, its token, and a request to begin with. */
export function FlowUrl({ origin, path, flow, sample }: Props) {
  const url = `${origin}${flow.url}`;
  const event = parseJson(sample.event);
  const hasToken = flow.auth === 'bearer';
  return (
    <section class="card">
      <h2>URL</h2>
      <p>
        {hasToken
          ? 'Give this URL and the token to the service that is to run the flow.'
          : 'Whoever knows this URL may run the flow: give it to nobody else.'}
        {flow.signingSecret !== null && ' Requests must be signed by Standard Webhooks, too.'}
      </p>
      <Copyable label="URL" text={url} />
      <Copyable
        label="curl"
        text={curlOf({
          url,
          keyVariable: hasToken ? 'FLOW_TOKEN' : null,
          body: event.ok ? event.value : {},
        })}
        lang="sh"
      />
      {hasToken && <Token path={path} hint={flow.tokenHint} />}
    </section>
  );
}

function Token({ path, hint }: { path: string; hint: string | null }) {
  return (
    <>
      <p>
        The token in use ends with <code>{hint}</code>. It was shown when it was made; whoever lost it needs a
        new one.
      </p>
      <Confirm
        action={`${path}/rotate`}
        open="Rotate token …"
        label="Rotate token"
        text="A new token is made and shown once. For as long as you choose, the old one works as well, so that the service goes on calling until its developer has put in the new one."
      >
        <OverlapField what="token" />
      </Confirm>
    </>
  );
}
