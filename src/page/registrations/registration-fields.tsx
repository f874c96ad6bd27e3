import { methods } from '../../db/schema.ts';
import type { Refusal } from '../api.ts';
import { Field, mistakeAt } from '../parts/form.tsx';
import { HeaderRows } from '../parts/header-rows.tsx';
import type { RegistrationForm } from './registration-form.ts';
import { UrlField } from '../forms/url-field.tsx';

type Props = {
  locationId: string;
  form: RegistrationForm;
  refusal: Refusal | null;
  hasNewHeader: boolean;
};

/** The settings of a registered webhook, to be typed. */
export function RegistrationFields({ locationId, form, refusal, hasNewHeader }: Props) {
  const mistakes = refusal?.errors ?? [];
  return (
    <>
      <UrlField
        locationId={locationId}
        value={form.url}
        hint="Where the request goes to. Apps never see it."
        placeholder="https://api.example.com/v2/scores"
        mistake={mistakeAt(mistakes, 'url')}
      />
      <Method form={form} mistakes={mistakes} />
      <HeaderRows
        headers={form.headers}
        hint="Sent with every request: keys and passwords belong here. Values are stored encrypted and never shown again. A header without a value is one that the app fills in. To remove a header, empty its name."
        mistake={mistakeAt(mistakes, 'headers')}
        hasNewHeader={hasNewHeader}
        emptyValue="empty: the app fills it in"
      />
      <QueryParams form={form} mistakes={mistakes} />
      <DataFields form={form} mistakes={mistakes} />
      <Field
        label="Timeout in milliseconds"
        name="timeoutMs"
        hint="How long an app waits for the whole answer: 100 to 30,000."
        mistake={mistakeAt(mistakes, 'timeoutMs')}
      >
        {(attributes) => <input {...attributes} inputmode="numeric" value={form.timeoutMs} />}
      </Field>
      <Choices form={form} />
    </>
  );
}

type FieldProps = { form: RegistrationForm; mistakes: Refusal['errors'] };

function Method({ form, mistakes }: FieldProps) {
  return (
    <Field label="Method" name="method" mistake={mistakeAt(mistakes, 'method')}>
      {(attributes) => (
        <select {...attributes}>
          <option value="">POST when the app sends data, else GET</option>
          {methods.map((method) => (
            <option value={method} selected={method === form.method}>
              {method}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

function QueryParams({ form, mistakes }: FieldProps) {
  return (
    <Field
      label="Query parameters"
      name="queryParams"
      hint="Names that the app may fill in, one a line. Others are refused."
      mistake={mistakeAt(mistakes, 'queryParams')}
    >
      {(attributes) => (
        <textarea {...attributes} class="mono short" spellcheck={false} placeholder="pageNum">
          {form.queryParams}
        </textarea>
      )}
    </Field>
  );
}

function DataFields({ form, mistakes }: FieldProps) {
  return (
    <>
      <Field label="Data" name="encoding" mistake={mistakeAt(mistakes, 'payload_encoding')}>
        {(attributes) => (
          <select {...attributes}>
            <option value="">JSON or text, as the app hands it over</option>
            <option value="base64" selected={form.encoding === 'base64'}>
              base64 from the app, sent as bytes: images, for example
            </option>
          </select>
        )}
      </Field>
      <Field
        label="Schema of the data"
        name="dataSchema"
        hint="A JSON Schema. Data that does not fit it is refused, and nothing is sent. Empty: any data."
        mistake={mistakeAt(mistakes, 'dataSchema')}
      >
        {(attributes) => (
          <textarea
            {...attributes}
            class="mono"
            spellcheck={false}
            placeholder='{"type": "object", "required": ["points"], "properties": {"points": {"type": "integer"}}}'
          >
            {form.dataSchema}
          </textarea>
        )}
      </Field>
    </>
  );
}

function Choices({ form }: { form: RegistrationForm }) {
  return (
    <fieldset>
      <legend>More</legend>
      <label class="check">
        <input type="checkbox" name="recordBodies" checked={form.recordBodies} />
        <span>
          Keep what is sent and answered
          <span class="hint">In the record of each invocation, up to 64 KiB each.</span>
        </span>
      </label>
      <label class="check">
        <input type="checkbox" name="sign" checked={form.sign} />
        <span>
          Sign requests
          <span class="hint">
            By Standard Webhooks, with a secret that is shown once. To get a new secret, save without this and
            then with it again.
          </span>
        </span>
      </label>
    </fieldset>
  );
}
