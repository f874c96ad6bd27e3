import type { z } from '@hono/zod-openapi';
import type { previewedTemplateSchema } from '../../flows/template-preview-routes.ts';
import type { Refusal } from '../api.ts';
import { Copyable } from '../parts/copyable.tsx';
import { Field, Form, FormMistake, type InputAttributes, mistakeAt } from '../parts/form.tsx';
import type { TemplateForm } from './template-form.ts';

/** What a template became, or why it did not; all null before it was tried. */
export type TemplateResult = {
  previewed: z.output<typeof previewedTemplateSchema> | null;
  refusal: Refusal | null;
};

type Props = { path: string; form: TemplateForm; result?: TemplateResult };

const untried: TemplateResult = { previewed: null, refusal: null };

/** A template on sample data, rendered while it is typed. */
export function TemplateTrial({ path, form, result = untried }: Props) {
  const live = {
    'hx-post': path,
    'hx-trigger': 'input changed delay:400ms',
    'hx-target': '#template-result',
    'hx-swap': 'outerHTML',
    'hx-sync': 'closest form:replace',
    'hx-disabled-elt': 'unset',
  };
  const area = (attributes: InputAttributes, value: string) => (
    <textarea {...attributes} {...live} class="mono" spellcheck={false}>
      {value}
    </textarea>
  );
  return (
    <Form action={path} target="template-result" label="Try a template">
      <input type="hidden" name="ref" value={form.ref} />
      <div class="halves">
        <Field label="Sample request" name="event" hint={`JSON: what templates see as ${form.ref}.`}>
          {(attributes) => area(attributes, form.event)}
        </Field>
        <Field label="Sample results" name="results" hint="JSON: what earlier steps came to, by their refs.">
          {(attributes) => area(attributes, form.results)}
        </Field>
      </div>
      <Field label="Template" name="template" hint="Of a step or of the response. Nothing is stored or sent.">
        {(attributes) => area(attributes, form.template)}
      </Field>
      <button>Render</button>
      <TemplateBecame result={result} />
    </Form>
  );
}

/** What the template became. */
export function TemplateBecame({ result: { previewed, refusal } }: { result: TemplateResult }) {
  return (
    <div id="template-result" role="status" class="result">
      {refusal && <FormMistake detail={tellRefusal(refusal)} />}
      {previewed?.error && (
        <p class="notice bad break">
          {previewed.error.line === null ? '' : `Line ${previewed.error.line}: `}
          {previewed.error.message}
        </p>
      )}
      {typeof previewed?.text === 'string' && (
        <Copyable label="What the template becomes" text={previewed.text} />
      )}
    </div>
  );
}

const fields = {
  event: 'The sample request',
  results: 'The sample results',
  template: 'The template',
} as const;

/** Here beside the fields, for those keep the focus while somebody types. */
function tellRefusal({ detail, errors }: Refusal): string {
  const [[path, name] = ['', '']] = Object.entries(fields).filter(([field]) => mistakeAt(errors, field));
  const message = errors.find((mistake) => mistake.path.startsWith(path))?.message;
  return path === '' || message === undefined ? detail : `${name} ${message}.`;
}
