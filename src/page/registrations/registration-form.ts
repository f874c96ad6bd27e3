import type { z } from '@hono/zod-openapi';
import type { Mistake } from '../../http/problem.ts';
import type { webhookSchema } from '../../webhooks/registration.ts';
import type { FormValues } from '../forms/form-values.ts';
import { readHeaders, toHeaders, type TypedHeader } from '../forms/header-values.ts';
import { parseJson, prettyJson } from '../forms/json-text.ts';

/** A registered webhook as the API answers it. */
export type Registration = z.output<typeof webhookSchema>;

/** A registration as it is typed. */
export type RegistrationForm = {
  id: string;
  url: string;
  /** Empty: POST when data is sent, else GET. */
  method: string;
  headers: TypedHeader[];
  /** A name a line. */
  queryParams: string;
  /** `base64`, or empty. */
  encoding: string;
  /** JSON, or empty. */
  dataSchema: string;
  timeoutMs: string;
  recordBodies: boolean;
  sign: boolean;
};

/** A form for a webhook that is to be registered. */
export const emptyRegistrationForm: RegistrationForm = {
  id: '',
  url: '',
  method: '',
  headers: [],
  queryParams: '',
  encoding: '',
  dataSchema: '',
  timeoutMs: '10000',
  recordBodies: false,
  sign: false,
};

/** Reads the form. */
export function readRegistrationForm(values: FormValues): RegistrationForm {
  const { one } = values;
  return {
    id: one('id').trim(),
    url: one('url').trim(),
    method: one('method'),
    headers: readHeaders(values),
    queryParams: one('queryParams'),
    encoding: one('encoding'),
    dataSchema: one('dataSchema'),
    timeoutMs: one('timeoutMs').trim(),
    recordBodies: one('recordBodies') === 'on',
    sign: one('sign') === 'on',
  };
}

/** The form of a webhook that is registered. */
export function toRegistrationForm(webhook: Registration): RegistrationForm {
  const { id, url, method, queryParams, dataSchema, timeoutMs, recordBodies, sign } = webhook;
  const headers = Object.entries(webhook.headers);
  return {
    id,
    url,
    method: method ?? '',
    headers: headers.map(([name, value]) => ({ name, value: '', isStored: value !== '' })),
    queryParams: queryParams.join('\n'),
    encoding: webhook.payload_encoding ?? '',
    dataSchema: dataSchema === null ? '' : prettyJson(dataSchema),
    timeoutMs: String(timeoutMs),
    recordBodies,
    sign,
  };
}

/** The form as the API takes it, or what cannot be read of it. */
export function toRegistrationBody(
  form: RegistrationForm,
): { ok: true; body: object } | { ok: false; mistakes: Mistake[] } {
  const { url, recordBodies, sign } = form;
  const dataSchema = form.dataSchema.trim() === '' ? null : parseJson(form.dataSchema);
  if (dataSchema && !dataSchema.ok)
    return { ok: false, mistakes: [{ path: 'dataSchema', message: dataSchema.message }] };
  const body = {
    url,
    method: form.method || null,
    headers: toHeaders(form.headers),
    queryParams: linesOf(form.queryParams),
    payload_encoding: form.encoding || null,
    dataSchema: dataSchema ? dataSchema.value : null,
    // What is no number is refused like any number that does not fit.
    timeoutMs: Number(form.timeoutMs),
    recordBodies,
    sign,
  };
  return { ok: true, body };
}

function linesOf(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}
