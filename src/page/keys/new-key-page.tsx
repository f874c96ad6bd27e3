import type { Refusal } from '../api.ts';
import type { KeyForm } from './key-form.ts';
import { KeysFrame, type Place, scopeWords } from './keys-page.tsx';
import { Field, Form, FormMistake, mistakeAt } from '../parts/form.tsx';

type Props = { place: Place; form: KeyForm; refusal: Refusal | null };

/** The form for a new key. */
export function NewKeyPage({ place, form, refusal }: Props) {
  const mistakes = refusal?.errors ?? [];
  return (
    <KeysFrame place={place} title="Make a key">
      <h1>Make a key</h1>
      <Form action={place.path} class="card" label="Make a key">
        {mistakes.length === 0 && <FormMistake detail={refusal?.detail} />}
        <Field
          label="Name"
          name="name"
          hint="What uses it, so that you know later what stops when you revoke it."
          mistake={mistakeAt(mistakes, 'name')}
        >
          {(attributes) => <input {...attributes} value={form.name} required maxlength={100} />}
        </Field>
        <fieldset>
          <legend>It may</legend>
          {Object.entries(scopeWords).map(([scope, words]) => (
            <label class="check">
              <input type="checkbox" name="scopes" value={scope} checked={form.scopes.includes(scope)} />
              <span>
                {words} <code class="muted">{scope}</code>
              </span>
            </label>
          ))}
          {mistakeAt(mistakes, 'scopes') && (
            <p class="mistake" role="alert">
              {mistakeAt(mistakes, 'scopes')}
            </p>
          )}
        </fieldset>
        <Field
          label="Strict access"
          name="allowedIps"
          hint="Addresses or ranges that it may be used from, a line each, such as 198.51.100.0/24. Empty: from anywhere."
          mistake={mistakeAt(mistakes, 'allowedIps')}
        >
          {(attributes) => (
            <textarea {...attributes} class="mono" rows={3} spellcheck={false}>
              {form.allowedIps}
            </textarea>
          )}
        </Field>
        <Field
          label="Expires"
          name="expiresAt"
          hint="In your time zone (UTC where scripts do not run). Empty: never."
          mistake={mistakeAt(mistakes, 'expiresAt')}
        >
          {(attributes) => <input {...attributes} type="datetime-local" value={form.expiresAt} />}
        </Field>
        <input type="hidden" name="zone" value={form.zone} />
        <div class="row actions">
          <button class="primary">Make the key</button>
          <a class="button" href={place.path}>
            Cancel
          </a>
        </div>
      </Form>
    </KeysFrame>
  );
}
