import type { z } from '@hono/zod-openapi';
import type { triggerAnswerSchema } from '../webhooks/invocation-routes.ts';
import type { Refusal } from './api.ts';
import { type Invocation, InvocationBadge, tellInvocation } from './invocation-words.tsx';
import { prettyJson } from './json-text.ts';
import { Copyable } from './parts/copyable.tsx';
import { Field, Form, FormMistake, mistakeAt } from './parts/form.tsx';
import type { Registration } from './registration-form.ts';
import { emptyTrialForm, type TrialForm, trialField } from './trial-form.ts';

type TriggerAnswer = z.output<typeof triggerAnswerSchema>;

/** A trial that was made: what was typed, and what came of it. */
export type TrialState = {
  form: TrialForm;
  refusal: Refusal | null;
  /** What the app would get, and the record of it. */
  answered: { answer: TriggerAnswer; invocation: Invocation } | null;
};

type Props = {
  path: string;
  locationId: string;
  webhook: Registration;
  state?: TrialState | undefined;
};

/** A form that triggers a registered webhook as an app would, and what came of it. */
export function Trial({ path, locationId, webhook, state }: Props) {
  const { form, refusal, answered } = state ?? {
    form: emptyTrialForm(webhook),
    refusal: null,
    answered: null,
  };
  return (
    <section class="card" id="trial">
      <h2>Try it out</h2>
      <p>Sends one real request to the third party, as an app would, and shows what the app would get.</p>
      {refusal && !isAtField(refusal, webhook) && <FormMistake detail={refusal.detail} />}
      <Form action={`${path}/try`} target="trial" label="Try it out">
        <TrialFields form={form} webhook={webhook} mistakes={refusal?.errors ?? []} />
        <div class="row">
          <button class="primary">Trigger</button>
          <span class="busy" role="status">
            Waiting for the answer …
          </span>
        </div>
      </Form>
      <div role="status" class="result">
        {answered && <TrialResult locationId={locationId} {...answered} />}
      </div>
    </section>
  );
}

/** Whether every mistake has a field to be shown at. */
function isAtField({ errors }: Refusal, webhook: Registration): boolean {
  const toFill = Object.keys(webhook.headers).map((name) => `headers.${name}`);
  const params = webhook.queryParams.map((name) => `queryParams.${name}`);
  const fields = ['data', ...toFill, ...params];
  return (
    errors.length > 0 &&
    errors.every(({ path }) => fields.some((field) => path === field || path.startsWith(`${field}.`)))
  );
}

type FieldsProps = { form: TrialForm; webhook: Registration; mistakes: Refusal['errors'] };

function TrialFields({ form, webhook, mistakes }: FieldsProps) {
  const rows = [
    ...Object.entries(form.headers).map(([name, value]) => ({
      name: trialField.header(name),
      label: `Header ${name}`,
      value,
      mistake: mistakeAt(mistakes, `headers.${name}`),
    })),
    ...Object.entries(form.queryParams).map(([name, value]) => ({
      name: trialField.queryParam(name),
      label: `Query parameter ${name}`,
      value,
      mistake: mistakeAt(mistakes, `queryParams.${name}`),
    })),
  ];
  const dataMistake = mistakes.find(({ path }) => path === 'data' || path.startsWith('data.'));
  return (
    <>
      {rows.map(({ name, label, value, mistake }) => (
        <Field {...{ name, label, mistake }}>
          {(attributes) => <input {...attributes} value={value} autocomplete="off" spellcheck={false} />}
        </Field>
      ))}
      <Field
        label="Data"
        name="data"
        hint={
          webhook.payload_encoding === 'base64'
            ? 'base64, whose bytes are sent.'
            : 'JSON when it begins with { or [, else a text. Empty: none.'
        }
        mistake={dataMistake && tellAt(dataMistake, mistakeAt([dataMistake], 'data'))}
      >
        {(attributes) => (
          <textarea {...attributes} class="mono" spellcheck={false}>
            {form.data}
          </textarea>
        )}
      </Field>
    </>
  );
}

/** Where in the data a mistake is, before what it is. */
function tellAt({ path }: { path: string }, mistake = ''): string {
  return path === 'data' ? mistake : `${path.slice('data.'.length)}: ${mistake}`;
}

type ResultProps = { locationId: string; answer: TriggerAnswer; invocation: Invocation };

function TrialResult({ locationId, answer, invocation }: ResultProps) {
  const { what, advice } = tellInvocation(invocation);
  const { referenceId, status, data, error } = answer;
  return (
    <>
      <InvocationBadge invocation={invocation} />
      <p>
        {what} {advice}
      </p>
      <p class="hint">
        status {status} · error {String(error)} · reference{' '}
        <a class="mono" href={`/locations/${locationId}/invocations/${referenceId}`}>
          {referenceId}
        </a>
      </p>
      {data === null ? (
        <p class="hint">There is no data in the answer.</p>
      ) : (
        <Copyable
          label="Data of the answer"
          text={typeof data === 'string' ? data : prettyJson(data)}
          lang="json"
        />
      )}
    </>
  );
}
