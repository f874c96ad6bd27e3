import { z } from '@hono/zod-openapi';
import { flowStatuses, type flows } from '../db/schema.ts';
import { mask } from '../http/custom-headers.ts';
import { text } from '../http/text.ts';
import { webhookId } from '../webhooks/registration.ts';
import { isShallow, tooDeep } from './nesting.ts';

/** The most steps of a flow: each may take as long as its webhook's timeout. */
const maxSteps = 10;
/** Characters of one template. */
const maxTemplateLength = 64 * 1024;
/** Characters of all steps as JSON. */
const maxStepsLength = 256 * 1024;

/** The name of a flow, by which `action` finds it. */
export const flowName = z
  .string('must be a text')
  .regex(/^[A-Za-z0-9_.-]{1,100}$/, 'must be 1 to 100 of the characters A-Z a-z 0-9 _ . -')
  .openapi({ example: 'book-session' });

/** Names that templates see besides those of steps, or that mean something in a template. */
const takenRefs = [
  'props',
  'event',
  'steps',
  'true',
  'false',
  'none',
  'True',
  'False',
  'None',
  'loop',
  'range',
  'namespace',
  '__proto__',
];

/** A name that templates see: of the event, or of a step. */
export const refName = z
  .string('must be a text')
  .regex(/^[A-Za-z_][A-Za-z0-9_]{0,39}$/, 'must be a name of letters, digits and _ (at most 40)')
  .refine((name) => !takenRefs.includes(name), `must not be one of ${takenRefs.join(', ')}`);

/** A template as it is put; whether it is one is checked apart. */
export const template = text(0, maxTemplateLength);
const number = z.union([z.number(), template], 'must be a number or a template');
const scalar = z.union([template, z.number(), z.boolean()], 'must be a template, a number or true or false');

const triggerStep = z.strictObject({
  ref: refName,
  trigger: webhookId.openapi({ description: 'The registered webhook to trigger' }),
  data: z
    .union(
      [template, z.record(z.string(), z.unknown()), z.array(z.unknown())],
      'must be a template, an object or a list',
    )
    .refine(isShallow, tooDeep)
    .optional(),
  headers: z.record(z.string(), template).optional(),
  queryParams: z.record(z.string(), scalar).optional(),
});

const emitStep = z.strictObject({
  ref: refName,
  emit: z.strictObject({ uuid: template, action: template, stations: number, customerid: number }),
});

const step = z.unknown().transform((value, context): TriggerStep | EmitStep => {
  const isEmit = typeof value === 'object' && value !== null && 'emit' in value;
  const result = (isEmit ? emitStep : triggerStep).safeParse(value);
  if (result.success) return result.data;
  for (const { path, message } of result.error.issues) context.addIssue({ code: 'custom', path, message });
  return z.NEVER;
});

export type TriggerStep = z.output<typeof triggerStep>;
export type EmitStep = z.output<typeof emitStep>;

/** A step: trigger a registered webhook, or emit a session event. Every string in it is a template. */
export type Step = TriggerStep | EmitStep;

/** The steps of a flow, as they are stored. */
export const stepsSchema = z
  .array(step, 'must be a list of steps')
  .max(maxSteps, `must hold at most ${maxSteps} steps`)
  .refine((steps) => new Set(steps.map((step) => step.ref)).size === steps.length, 'must not use a ref twice')
  .refine(
    (steps) => JSON.stringify(steps).length <= maxStepsLength,
    `must have at most ${maxStepsLength} characters in all`,
  )
  .openapi({ type: 'array', items: { $ref: '#/components/schemas/Step' } });

/** The response of a flow, as it is stored. */
export const responseSchema = z.object({
  status: z
    .int('must be a whole number')
    .min(200, 'must be at least 200')
    .max(599, 'must be at most 599')
    .default(200),
  body: template.default('').openapi({
    description: 'A template. One that begins with { or [ claims to be JSON',
    example: '{"valid": {% if res1.value == "myResult" %} "{{ res1.value }}" {% else %} false {% endif %}}',
  }),
});

/** Steps for the documentation of the API; {@link stepsSchema} checks more closely. */
export const stepSchema = z.union([triggerStep, emitStep]).openapi('Step');

const secretPattern = /^whsec_[A-Za-z0-9+/]{32,88}={0,2}$/;

const status = z.enum(flowStatuses, `must be one of ${flowStatuses.join(', ')}`);

/** The one member of a flow that can be changed by itself. */
export const flowStatusSchema = z.object({ status }).openapi('FlowStatus');

/** A flow as it is put. */
export const newFlowSchema = z
  .object({
    status: status.default('draft'),
    async: z.boolean('must be true or false').default(false),
    auth: z.enum(['bearer', 'none'], 'must be "bearer" or "none"').default('bearer'),
    ref: refName.default('web1'),
    steps: stepsSchema.default([]),
    response: responseSchema.default({ status: 200, body: '' }),
    signingSecret: z
      .string()
      .regex(secretPattern, 'must be a secret of Standard Webhooks: whsec_ and base64')
      .or(z.literal(mask))
      .nullable()
      .default(null)
      .openapi({
        description: `Of a sender that signs by Standard Webhooks; ${mask} keeps the one that is stored`,
      }),
  })
  .refine((flow) => flow.steps.every((step) => step.ref !== flow.ref), {
    path: ['steps'],
    message: "must not use the flow's own ref",
  })
  .openapi('NewFlow');

/** A flow as it is answered. */
export const flowSchema = z
  .object({
    id: z.guid(),
    name: flowName,
    status: z.enum(flowStatuses),
    async: z.boolean(),
    auth: z.enum(['bearer', 'none']),
    ref: z.string(),
    steps: z.array(stepSchema),
    response: z.object({ status: z.int(), body: z.string() }),
    signingSecret: z.string().nullable().openapi({ description: 'Masked' }),
    url: z
      .string()
      .openapi({ description: 'Where outside services trigger it', example: '/v1/flow-webhook/…' }),
    tokenHint: z.string().nullable(),
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
  })
  .openapi('Flow');

export type FlowRow = typeof flows.$inferSelect;
export type NewFlow = z.output<typeof newFlowSchema>;

/** A flow as it is answered: its secrets never leave. */
export function toFlow(row: FlowRow): z.input<typeof flowSchema> {
  const { id, name, status, async, auth, ref, tokenHint } = row;
  return {
    id,
    name,
    status,
    async,
    auth,
    ref,
    steps: stepsSchema.parse(row.steps),
    response: responseSchema.parse(row.response),
    signingSecret: row.signingSecret && mask,
    url: `/v1/flow-webhook/${id}`,
    tokenHint: auth === 'bearer' ? tokenHint : null,
    createdAt: row.createdAt.toISOString(),
    updatedAt: row.updatedAt.toISOString(),
  };
}
