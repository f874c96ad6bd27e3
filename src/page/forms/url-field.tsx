import { Field } from '../parts/form.tsx';

type Props = {
  locationId: string;
  value: string;
  hint: string;
  placeholder: string;
  mistake: string | undefined;
};

/** A URL that we are to send to, judged while it is typed. */
export function UrlField({ locationId, value, hint, placeholder, mistake }: Props) {
  return (
    <>
      <Field label="URL" name="url" hint={hint} mistake={mistake}>
        {(attributes) => (
          <input
            {...attributes}
            type="url"
            value={value}
            required
            maxlength={2048}
            placeholder={placeholder}
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
