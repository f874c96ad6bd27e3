import { mistakeAt, Field } from './parts/form.tsx';
import type { Refusal } from './api.ts';
import type { EndpointForm } from './endpoint-form.ts';

type Props = { locationId: string; form: EndpointForm; refusal: Refusal | null; hasNewHeader: boolean };

/** The settings of a webhook, to be typed. */
export function EndpointFields({ locationId, form, refusal, hasNewHeader }: Props) {
  const mistakes = refusal?.errors ?? [];
  return (
    <>
      <Field
        label="URL"
        name="url"
        hint="Where we POST the events to. It must be reachable from the internet; https is best."
        mistake={mistakeAt(mistakes, 'url')}
      >
        {(attributes) => (
          <input
            {...attributes}
            type="url"
            value={form.url}
            required
            maxlength={2048}
            placeholder="https://booking.example.com/hooks/vr"
            autocomplete="off"
            spellcheck={false}
            hx-get={`/locations/${locationId}/webhooks/check`}
            hx-trigger="input changed delay:300ms"
            hx-target="#url-verdict"
            hx-swap="outerHTML"
          />
        )}
      </Field>
      <UrlVerdict verdict={null} />
      <Field
        label="Description"
        name="description"
        hint="For you. Nobody else sees it."
        mistake={mistakeAt(mistakes, 'description')}
      >
        {(attributes) => <input {...attributes} value={form.description} maxlength={500} />}
      </Field>
      <Actions chosen={form.actions} mistake={mistakeAt(mistakes, 'actions')} />
      <Headers headers={form.headers} mistake={mistakeAt(mistakes, 'headers')} hasNewHeader={hasNewHeader} />
    </>
  );
}

/** What the guard says of a URL: whether we may send to it, and what should be better. Null: nothing was typed. */
export function UrlVerdict({ verdict }: { verdict: { isOk: boolean; texts: string[] } | null }) {
  const texts = verdict?.isOk && verdict.texts.length === 0 ? ['We may send to this URL.'] : verdict?.texts;
  const look = verdict?.isOk ? (verdict.texts.length > 0 ? 'warn' : 'good') : 'bad';
  return (
    <p id="url-verdict" class={`verdict ${look}`} aria-live="polite">
      {texts?.join(' ')}
    </p>
  );
}

const actionWords = { create: 'A session was created', delete: 'A session was deleted' } as const;

function Actions({ chosen, mistake }: { chosen: string[]; mistake: string | undefined }) {
  return (
    <fieldset>
      <legend>Send when</legend>
      {Object.entries(actionWords).map(([action, words]) => (
        <label class="check">
          <input type="checkbox" name="actions" value={action} checked={chosen.includes(action)} />
          {words} <code>{action}</code>
        </label>
      ))}
      {mistake && <p class="mistake">{mistake}</p>}
    </fieldset>
  );
}

type HeadersProps = { headers: EndpointForm['headers']; mistake: string | undefined; hasNewHeader: boolean };

function Headers({ headers, mistake, hasNewHeader }: HeadersProps) {
  const rows = hasNewHeader ? [...headers, { name: '', value: '', isStored: false }] : headers;
  return (
    <fieldset>
      <legend>Custom headers</legend>
      <p class="hint">
        Sent with every request, for receivers that ask for a key of their own. Values are stored encrypted
        and never shown again. To remove a header, empty its name.
      </p>
      {rows.map(({ name, value, isStored }, n) => (
        <div class="pair">
          {isStored && <input type="hidden" name="storedHeader" value={name} />}
          <input
            name="headerName"
            value={name}
            aria-label={`Name of header ${n + 1}`}
            placeholder="x-api-key"
            autofocus={hasNewHeader && n === rows.length - 1 ? true : undefined}
          />
          <input
            name="headerValue"
            value={value}
            aria-label={`Value of header ${n + 1}`}
            placeholder={isStored ? '•••••• (stays as it is)' : 'value'}
            autocomplete="off"
          />
        </div>
      ))}
      {mistake && (
        <p class="mistake" role="alert">
          {mistake}
        </p>
      )}
      <button name="intent" value="addHeader" formnovalidate>
        Add a header
      </button>
    </fieldset>
  );
}
