import { type NewEvent, newEventSchema } from '../events/event.ts';
import type { Acceptance } from '../events/log.ts';
import { mask } from '../http/custom-headers.ts';
import { mistakesOf, Problem } from '../http/problem.ts';
import { metrics } from '../metrics.ts';
import { type TriggerOptions, triggerWebhook } from '../webhooks/trigger.ts';
import { triggerSchema } from '../webhooks/trigger-request.ts';
import {
  type EmitStep,
  type FlowRow,
  responseSchema,
  type Step,
  stepsSchema,
  type TriggerStep,
} from './flow.ts';
import { readContainer } from './incoming-body.ts';
import { type FlowError, FlowFailure, Rendering, type Scope } from './rendering.ts';

/** What a flow works on. */
export type FlowInput = { event: unknown; props: unknown };

/** What steps do their work with. */
export type ExecuteOptions = TriggerOptions & {
  /** Stores events. */
  accept: (events: NewEvent[]) => Promise<Acceptance>;
  /** Tells the dispatchers of a location with new events. */
  wake: (locationIds: string[]) => void;
};

/** A step that ran, for people to read. `input` is what its templates became; header values are masked. */
type StepRecord = {
  ref: string;
  input: unknown;
  result: unknown;
  durationMs: number;
};

/** The response of a flow. */
export type FlowResponse = { status: number; type: 'application/json' | 'text/plain'; body: string };

/** How an execution ended. */
export type Execution = { steps: StepRecord[] } & (
  | { status: 'succeeded'; response: FlowResponse; error: null }
  | { status: 'failed'; response: null; error: FlowError }
);

/**
 * Runs the steps of a flow in their order and renders its response. A step that fails ends it; a third party that
 * answers with an error does not: the next steps see it as `steps.<ref>`.
 * @param chain the marks of the flows that led here, this one last: third parties hand it back if they call in again.
 */
export async function executeFlow(
  options: ExecuteOptions,
  flow: FlowRow,
  input: FlowInput,
  chain: string[],
): Promise<Execution> {
  const steps: StepRecord[] = [];
  const scope: Scope = { ...input, [flow.ref]: input.event, steps: {} };
  const rendering = new Rendering(scope);
  try {
    for (const step of stepsSchema.parse(flow.steps)) {
      const record: StepRecord = { ref: step.ref, input: null, result: null, durationMs: 0 };
      steps.push(record);
      await executeStep({ options, flow, chain, scope, rendering, record }, step);
    }
    return { status: 'succeeded', steps, response: await renderResponse(flow, rendering), error: null };
  } catch (error) {
    if (error instanceof FlowFailure) return { status: 'failed', steps, response: null, error: error.error };
    throw error;
  }
}

type Surroundings = {
  options: ExecuteOptions;
  flow: FlowRow;
  chain: string[];
  scope: Scope;
  rendering: Rendering;
  record: StepRecord;
};

type StepResult = { data: unknown; status: number; error: boolean; referenceId: string | null };

async function executeStep(around: Surroundings, step: Step): Promise<void> {
  const { scope, record } = around;
  const beganAt = performance.now();
  try {
    const result = 'emit' in step ? await emit(around, step) : await trigger(around, step);
    const { data, ...rest } = result;
    record.result = result;
    scope[step.ref] = data;
    scope.steps[step.ref] = rest;
  } finally {
    record.durationMs = Math.round(performance.now() - beganAt);
  }
}

async function trigger(around: Surroundings, step: TriggerStep): Promise<StepResult> {
  const { options, flow, chain, rendering, record } = around;
  const where = `steps.${step.ref}`;
  const { data, headers = {}, queryParams = {} } = step;
  const rendered = {
    ...(data !== undefined && { data: await rendering.render(data, `${where}.data`) }),
    headers: await rendering.render(headers, `${where}.headers`),
    queryParams: await rendering.render(queryParams, `${where}.queryParams`),
  };
  record.input = {
    ...rendered,
    headers: Object.fromEntries(Object.keys(headers).map((name) => [name, mask])),
  };
  const checked = triggerSchema.safeParse(rendered);
  const handed = checked.success
    ? { ok: true as const, trigger: checked.data }
    : { ok: false as const, mistakes: mistakesOf(checked.error) };
  const key = { id: flow.id, name: `flow ${flow.name}` };
  const caller = { locationId: flow.locationId, webhookId: step.trigger, key, chain };
  try {
    return await triggerWebhook(options, caller, handed);
  } catch (error) {
    if (error instanceof Problem) throw new FlowFailure({ where, message: error.message, line: null }, error);
    throw error;
  }
}

async function emit(around: Surroundings, step: EmitStep): Promise<StepResult> {
  const { options, flow, rendering, record } = around;
  const where = `steps.${step.ref}.emit`;
  record.input = await rendering.render(step.emit, where);
  const event = newEventSchema.safeParse({ ...toTypes(record.input), locationId: flow.locationId });
  if (!event.success) {
    const [first] = mistakesOf(event.error);
    throw new FlowFailure({ where: `${where}.${first?.path}`, message: first?.message ?? '', line: null });
  }
  const { events } = await options.accept([event.data]);
  const [accepted] = events;
  if (!accepted) throw new FlowFailure({ where, message: 'The location has been deleted.', line: null });
  options.wake([flow.locationId]);
  metrics.eventsAccepted.inc();
  const { id, locationId, sequence } = accepted;
  return { data: { id, locationId, sequence }, status: 202, error: false, referenceId: null };
}

/** Rendered members of an event in their types: whole numbers are numbers again (a division makes `2.0`), and space around values is dropped. */
function toTypes(rendered: unknown): Record<string, unknown> {
  const entries = Object.entries(Object(rendered)).map(([name, value]) => {
    const text = typeof value === 'string' ? value.trim() : value;
    const isNumber = name === 'stations' || name === 'customerid';
    return [
      name,
      isNumber && typeof text === 'string' && /^\d{1,16}(\.0)?$/.test(text) ? Number(text) : text,
    ];
  });
  return Object.fromEntries(entries);
}

/** A body that claims to be JSON, by how its template begins, is JSON; another may turn out to be; the rest is text. */
async function renderResponse(flow: FlowRow, rendering: Rendering): Promise<FlowResponse> {
  const { status, body: template } = responseSchema.parse(flow.response);
  const body = await rendering.renderText(template, 'response.body');
  const isJson = readContainer(body) !== null;
  if (!isJson && /^\s*(\[|\{(?![{%#]))/.test(template))
    throw new FlowFailure({
      where: 'response.body',
      message: 'The response claims to be JSON and is not.',
      line: null,
    });
  return { status, type: isJson ? 'application/json' : 'text/plain', body };
}
