import type { z } from '@hono/zod-openapi';
import type { flowSchema } from '../../flows/flow.ts';
import { mask } from '../../http/custom-headers.ts';
import type { Mistake } from '../../http/problem.ts';
import type { FormValues } from '../forms/form-values.ts';
import { parseJson, prettyJson } from '../forms/json-text.ts';

/** A flow as the API answers it. */
export type Flow = z.output<typeof flowSchema>;

/** A flow as it is typed. */
export type FlowForm = {
  name: string;
  status: string;
  async: boolean;
  auth: string;
  ref: string;
  /** JSON: a list of steps. */
  steps: string;
  responseStatus: string;
  responseBody: string;
  /** Empty: the one that is stored stays, if there is one. */
  signingSecret: string;
  hasStoredSecret: boolean;
  forgetsSecret: boolean;
};

/** A form for a flow that is to be made. */
export const emptyFlowForm: FlowForm = {
  name: '',
  status: 'draft',
  async: false,
  auth: 'bearer',
  ref: 'web1',
  steps: '[]',
  responseStatus: '200',
  responseBody: '{"received": true}',
  signingSecret: '',
  hasStoredSecret: false,
  forgetsSecret: false,
};

/** Reads the form. */
export function readFlowForm({ one }: FormValues): FlowForm {
  return {
    name: one('name').trim(),
    status: one('status'),
    async: one('async') === 'true',
    auth: one('auth'),
    ref: one('ref').trim(),
    steps: one('steps'),
    responseStatus: one('responseStatus').trim(),
    // Forms send line breaks as CR LF; templates count lines by LF, and write what is typed.
    responseBody: one('responseBody').replaceAll('\r\n', '\n'),
    signingSecret: one('signingSecret').trim(),
    hasStoredSecret: one('hasStoredSecret') === 'true',
    forgetsSecret: one('forgetsSecret') === 'on',
  };
}

/** The form of a flow that there is. */
export function toFlowForm({ signingSecret, response, steps, ...flow }: Flow): FlowForm {
  return {
    ...flow,
    steps: prettyJson(steps),
    responseStatus: String(response.status),
    responseBody: response.body,
    signingSecret: '',
    hasStoredSecret: signingSecret !== null,
    forgetsSecret: false,
  };
}

/** The form as the API takes it, or what cannot be read of it. */
export function toFlowBody(form: FlowForm): { ok: true; body: object } | { ok: false; mistakes: Mistake[] } {
  const steps = parseSteps(form);
  if (!steps.ok) return { ok: false, mistakes: [{ path: 'steps', message: steps.message }] };
  const { status, async, auth, ref, responseStatus, responseBody, forgetsSecret } = form;
  const body = {
    status,
    async,
    auth,
    ref,
    steps: steps.value,
    // What is no number is refused like any number that does not fit.
    response: { status: Number(responseStatus), body: responseBody },
    signingSecret: forgetsSecret ? null : form.signingSecret || mask,
  };
  return { ok: true, body };
}

function parseSteps({ steps }: FlowForm) {
  return parseJson(steps.trim() === '' ? '[]' : steps);
}

/** The steps that can be put in, to be changed. */
const exampleSteps = {
  addTrigger: { trigger: 'send-score', data: { points: '{{ web1.points }}' } },
  addEmit: {
    emit: {
      uuid: '{{ web1.session }}',
      action: 'create',
      stations: '{{ web1.stations }}',
      customerid: '{{ web1.customer }}',
    },
  },
} as const;

/** What the buttons below the steps put in. */
export const stepIntents = ['addTrigger', 'addEmit'] as const;

/**
 * Puts an example at the end of the steps.
 * @param trigger the id of a webhook that is registered, where there is one.
 * @returns the form with it; as it was, where the steps are no list.
 */
export function addExample(
  form: FlowForm,
  intent: (typeof stepIntents)[number],
  trigger: string | undefined,
): FlowForm {
  const steps = parseSteps(form);
  if (!steps.ok || !Array.isArray(steps.value)) return form;
  const list: unknown[] = steps.value;
  const example = exampleSteps[intent];
  const named = 'trigger' in example ? { ...example, trigger: trigger ?? example.trigger } : example;
  return { ...form, steps: prettyJson([...list, { ref: `res${list.length + 1}`, ...named }]) };
}

/** What is wrong with the steps, each mistake with the step that it is in. */
export function stepMistakes(form: FlowForm, mistakes: Mistake[]): string | undefined {
  const found = mistakes.filter(({ path }) => path === 'steps' || path.startsWith('steps.'));
  if (found.length === 0) return undefined;
  const steps = parseSteps(form);
  return found
    .map(({ path, message }) => `${placeOf(path, steps.ok ? steps.value : [])}${message}.`)
    .join('\n');
}

function placeOf(path: string, steps: unknown): string {
  const [, index, ...members] = path.split('.');
  if (index === undefined) return 'The list ';
  const step: unknown = Array.isArray(steps) ? steps[Number(index)] : undefined;
  const hasRef = typeof step === 'object' && step !== null && 'ref' in step && typeof step.ref === 'string';
  const name = `Step ${Number(index) + 1}${hasRef ? ` (${String(step.ref)})` : ''}`;
  return `${[name, members.join('.')].filter(Boolean).join(', ')}: `;
}
