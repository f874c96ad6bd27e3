import type { Refusal } from '../api.ts';
import { type FlowForm, stepMistakes } from './flow-form.ts';
import { Field, mistakeAt } from '../parts/form.tsx';

type Props = { locationId: string; form: FlowForm; refusal: Refusal | null };
type FieldProps = { form: FlowForm; mistakes: Refusal['errors'] };

/** A flow, to be typed. */
export function FlowFields({ locationId, form, refusal }: Props) {
  const mistakes = refusal?.errors ?? [];
  return (
    <>
      <Running form={form} mistakes={mistakes} />
      <Field
        label="Name of the request in templates"
        name="ref"
        hint="What is sent to the URL is known by this name, and as event."
        mistake={mistakeAt(mistakes, 'ref')}
      >
        {(attributes) => <input {...attributes} class="mono" value={form.ref} required maxlength={40} />}
      </Field>
      <Steps locationId={locationId} form={form} mistakes={mistakes} />
      <Response form={form} mistakes={mistakes} />
      <SigningSecret form={form} mistakes={mistakes} />
    </>
  );
}

/** A choice of a few, each with what it means. */
const choices = {
  status: {
    draft: 'Draft: it runs, and is still worked on',
    live: 'Live: it runs',
    paused: 'Paused: it does not run',
  },
  async: {
    false: 'At once: the caller waits and gets the response',
    true: 'Later: the caller is answered at once, the steps run within seconds',
  },
  auth: { bearer: 'Whoever has its token', none: 'Whoever knows its URL' },
} as const;

function Running({ form, mistakes }: FieldProps) {
  return (
    <>
      <Choice name="status" label="Status" chosen={form.status} mistakes={mistakes} />
      <Choice name="async" label="Runs" chosen={String(form.async)} mistakes={mistakes} />
      <Choice name="auth" label="Who may run it" chosen={form.auth} mistakes={mistakes} />
    </>
  );
}

type ChoiceProps = {
  name: keyof typeof choices;
  label: string;
  chosen: string;
  mistakes: Refusal['errors'];
};

function Choice({ name, label, chosen, mistakes }: ChoiceProps) {
  return (
    <Field label={label} name={name} mistake={mistakeAt(mistakes, name)}>
      {(attributes) => (
        <select {...attributes}>
          {Object.entries(choices[name]).map(([value, words]) => (
            <option value={value} selected={value === chosen}>
              {words}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

function Steps({ locationId, form, mistakes }: FieldProps & { locationId: string }) {
  return (
    <>
      <Field
        label="Steps"
        name="steps"
        hint={
          <>
            A JSON list, run from its first step to its last. A step triggers a{' '}
            <a href={`/locations/${locationId}/registered-webhooks`}>registered webhook</a> or emits a session
            event. Every text in it is a template; later ones see what a step came to by its <code>ref</code>.
          </>
        }
        mistake={stepMistakes(form, mistakes)}
      >
        {(attributes) => (
          <textarea {...attributes} class="mono tall" spellcheck={false}>
            {form.steps}
          </textarea>
        )}
      </Field>
      <div class="row">
        <button name="intent" value="addTrigger" formnovalidate>
          Add a trigger
        </button>
        <button name="intent" value="addEmit" formnovalidate>
          Add an event
        </button>
      </div>
    </>
  );
}

function Response({ form, mistakes }: FieldProps) {
  return (
    <>
      <Field label="Response status" name="responseStatus" mistake={mistakeAt(mistakes, 'response.status')}>
        {(attributes) => <input {...attributes} inputmode="numeric" value={form.responseStatus} required />}
      </Field>
      <Field
        label="Response body"
        name="responseBody"
        hint={
          <>
            A template. When it begins with {'{'} or [ it has to become JSON: write{' '}
            <code>{'{{ res1.value | tojson }}'}</code> for a value in it.
          </>
        }
        mistake={mistakeAt(mistakes, 'response')}
      >
        {(attributes) => (
          <textarea {...attributes} class="mono" spellcheck={false}>
            {/* A browser drops the first line break of a textarea. */}
            {form.responseBody.replace(/^\n/, '\n\n')}
          </textarea>
        )}
      </Field>
    </>
  );
}

function SigningSecret({ form, mistakes }: FieldProps) {
  return (
    <>
      <Field
        label="Signing secret of the sender"
        name="signingSecret"
        hint="Only for senders that sign by Standard Webhooks: requests without their signature are refused. Stored encrypted and never shown again."
        mistake={mistakeAt(mistakes, 'signingSecret')}
      >
        {(attributes) => (
          <input
            {...attributes}
            class="mono"
            value={form.signingSecret}
            placeholder={form.hasStoredSecret ? '•••••• (stays as it is)' : 'whsec_…'}
            autocomplete="off"
            spellcheck={false}
          />
        )}
      </Field>
      {form.hasStoredSecret && (
        <>
          <input type="hidden" name="hasStoredSecret" value="true" />
          <label class="check">
            <input type="checkbox" name="forgetsSecret" checked={form.forgetsSecret} />
            Forget the secret: requests need no signature any more
          </label>
        </>
      )}
    </>
  );
}
