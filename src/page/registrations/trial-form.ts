import type { Mistake } from '../../http/problem.ts';
import type { Trigger } from './code-samples.ts';
import type { FormValues } from '../forms/form-values.ts';
import { parseJson, prettyJson } from '../forms/json-text.ts';
import type { Registration } from './registration-form.ts';
import { sampleOf } from './schema-sample.ts';

/** What is typed to try a registered webhook out: a value for each header and parameter that the caller fills in, and data. */
export type TrialForm = {
  headers: Record<string, string>;
  queryParams: Record<string, string>;
  data: string;
};

/** A form to begin with, made from the registration. */
export function emptyTrialForm(webhook: Registration): TrialForm {
  const sample = sampleOf(webhook.dataSchema);
  const data = typeof sample === 'string' ? sample : sample === undefined ? '' : prettyJson(sample);
  return { ...withFields(webhook, () => ''), data };
}

/** Reads the form of a registration. */
export function readTrialForm(webhook: Registration, { one }: FormValues): TrialForm {
  // Forms send line breaks as CR LF.
  return { ...withFields(webhook, one), data: one('data').replaceAll('\r\n', '\n') };
}

/** The names of the form's fields. */
export const trialField = {
  header: (name: string) => `header.${name}`,
  queryParam: (name: string) => `queryParam.${encodeURIComponent(name)}`,
};

function withFields({ headers, queryParams }: Registration, one: FormValues['one']) {
  const toFill = Object.keys(headers).filter((name) => headers[name] === '');
  return {
    headers: Object.fromEntries(toFill.map((name) => [name, one(trialField.header(name))])),
    queryParams: Object.fromEntries(queryParams.map((name) => [name, one(trialField.queryParam(name))])),
  };
}

/** The form as the API takes it, or what cannot be read of it. Fields that are empty are not sent. */
export function toTrigger(
  { payload_encoding }: Registration,
  { headers, queryParams, data }: TrialForm,
): { ok: true; trigger: Trigger } | { ok: false; mistakes: Mistake[] } {
  const isJson = payload_encoding === null && /^\s*[[{]/.test(data);
  const parsed = isJson ? parseJson(data) : { ok: true as const, value: data };
  if (!parsed.ok) return { ok: false, mistakes: [{ path: 'data', message: parsed.message }] };
  const given = data.trim() === '' ? {} : { data: parsed.value };
  return { ok: true, trigger: { ...given, headers: filled(headers), queryParams: filled(queryParams) } };
}

function filled(fields: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== ''));
}

/** A trigger as an app would write it, with a value wherever one can be filled in. */
export function sampleTrigger(webhook: Registration): Trigger {
  const { headers, queryParams } = withFields(webhook, () => 'value');
  const data = sampleOf(webhook.dataSchema);
  return { ...(data !== undefined && { data }), headers, queryParams };
}
