import type { z } from '@hono/zod-openapi';
import type { fullRunSchema } from '../../flows/run.ts';
import type { Mistake } from '../../http/problem.ts';
import type { Flow } from './flow-form.ts';
import type { FormValues } from '../forms/form-values.ts';
import { parseJson, prettyJson } from '../forms/json-text.ts';

type FullRun = z.output<typeof fullRunSchema>;

/** A template that is tried, with its sample data in JSON. */
export type TemplateForm = { template: string; ref: string; event: string; results: string };

/** A form to begin with. */
export const sampleTemplateForm: TemplateForm = {
  template: 'Hello {{ web1.name }}',
  ref: 'web1',
  event: prettyJson({ name: 'Ada', stations: 2 }),
  results: prettyJson({ res1: { value: 'myResult' } }),
};

/** Characters of sample data that are easy to read and change. */
const maxSample = 20_000;

/** The response of a flow, to be tried on what its last run had. */
export function sampleOfRun({ ref, response }: Flow, run: FullRun | undefined): TemplateForm {
  const results = run?.steps.map((step) => [step.ref, dataOf(step.result)]) ?? [];
  return {
    template: response.body,
    ref,
    event: sampleJson(run?.input.event, sampleTemplateForm.event),
    results: sampleJson(results.length > 0 ? Object.fromEntries(results) : undefined, '{}'),
  };
}

function dataOf(result: unknown): unknown {
  return typeof result === 'object' && result !== null && 'data' in result ? result.data : null;
}

function sampleJson(value: unknown, otherwise: string): string {
  const text = value === undefined || value === null ? otherwise : prettyJson(value);
  return text.length > maxSample ? otherwise : text;
}

/** Reads the form. */
export function readTemplateForm({ one }: FormValues): TemplateForm {
  return {
    // Forms send line breaks as CR LF.
    template: one('template').replaceAll('\r\n', '\n'),
    ref: one('ref'),
    event: one('event'),
    results: one('results'),
  };
}

/** The form as the API takes it, or what cannot be read of it. */
export function toTemplateBody({ template, ref, event, results }: TemplateForm) {
  const parsed = { event: parseSample(event, null), results: parseSample(results, {}) };
  const mistakes: Mistake[] = Object.entries(parsed).flatMap(([path, sample]) =>
    sample.ok ? [] : [{ path, message: sample.message }],
  );
  if (!parsed.event.ok || !parsed.results.ok) return { ok: false as const, mistakes };
  const body = { template, ref, event: parsed.event.value, results: parsed.results.value };
  return { ok: true as const, body };
}

function parseSample(text: string, standard: unknown) {
  return text.trim() === '' ? { ok: true as const, value: standard } : parseJson(text);
}
