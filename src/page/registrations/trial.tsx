import type { z } from '@hono/zod-openapi';
import type { Mistake } from '../../http/problem.ts';
import type { triggerAnswerSchema } from '../../webhooks/invocation-routes.ts';
import type { Refusal } from '../api.ts';
import { type Invocation, InvocationBadge, tellInvocation } from './invocation-words.tsx';
import { prettyJson } from '../forms/json-text.ts';
import { Copyable } from '../parts/copyable.tsx';
import { Field, Form, FormMistake, mistakeAt } from '../parts/form.tsx';
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
      {refusal && !isAtField(refusal, form) && <FormMistake detail={refusal.detail} />}
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
function isAtField({ errors }: Refusal, form: TrialForm): boolean {
  const fields = [{ path: 'data' }, ...rowsOf(form)];
  return (
    errors.length > 0 && errors.every((mistake) => fields.some(({ path }) => isAt(withNameOf(mistake), path)))
  );
}

/** The API tells names of headers in lower case, which are the same in any. */
function withNameOf({ path, message }: Mistake): Mistake {
  return { path: path.startsWith('headers.') ? path.toLowerCase() : path, message };
}

function isAt(mistake: Mistake, path: string): boolean {
  return mistakeAt([mistake], path) !== undefined;
}

/** A field for each header and parameter: its name, its words, its value, and the path of its mistakes. */
function rowsOf({ headers, queryParams }: TrialForm) {
  return [
    ...Object.entries(headers).map(([name, value]) => ({
      name: trialField.header(name),
      label: `Header ${name}`,
      value,
      path: `headers.${name.toLowerCase()}`,
    })),
    ...Object.entries(queryParams).map(([name, value]) => ({
      name: trialField.queryParam(name),
      label: `Query parameter ${name}`,
      value,
      path: `queryParams.${name}`,
    })),
  ];
}

type FieldsProps = { form: TrialForm; webhook: Registration; mistakes: Mistake[] };

function TrialFields({ form, webhook, mistakes }: FieldsProps) {
  const named = mistakes.map(withNameOf);
  const dataMistake = mistakes.find((mistake) => isAt(mistake, 'data'));
  return (
    <>
      {rowsOf(form).map(({ name, label, value, path }) => (
        <Field name={name} label={label} mistake={mistakeAt(named, path)}>
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
function tellAt({ path }: Mistake, mistake = ''): string {
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
