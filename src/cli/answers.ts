import { z } from 'zod';

/** What is wrong with one member of a request. */
export type Mistake = { path: string; message: string };

/** The body of an error answer. */
export const problemSchema = z.object({
  detail: z.string(),
  requestId: z.string(),
  errors: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
});

/** A page of a list. */
export function pageOf<Item extends z.ZodType>(item: Item) {
  return z.looseObject({ items: z.array(item), nextCursor: z.string().nullable() });
}

// As far as the commands look into them: whatever else is answered is passed on in JSON.

/** A delivery in a list. */
export const deliverySchema = z.looseObject({
  id: z.string(),
  endpointId: z.string(),
  outcome: z.string(),
  reason: z.string().nullable(),
  statusCode: z.number().nullable(),
  durationMs: z.number().nullable(),
  events: z.number(),
  firstSequence: z.number(),
  lastSequence: z.number(),
  startedAt: z.string().nullable(),
  endedAt: z.string().nullable(),
  resendOf: z.string().nullable(),
  test: z.boolean(),
});
export type Delivery = z.output<typeof deliverySchema>;

/** A delivery in full. */
export const fullDeliverySchema = deliverySchema.extend({
  url: z.string(),
  requestHeaders: z.record(z.string(), z.string()).nullable(),
  body: z.string().nullable(),
  timings: z.record(z.string(), z.union([z.string(), z.number()]).nullable()),
});

/** What the intake answers. */
export const acceptedSchema = z.looseObject({
  accepted: z.number(),
  duplicates: z.number(),
  events: z.array(z.looseObject({ id: z.string(), locationId: z.string(), sequence: z.number() })),
});

/** An endpoint. */
export const endpointSchema = z.looseObject({
  id: z.string(),
  url: z.string(),
  description: z.string(),
  actions: z.array(z.string()),
  enabled: z.boolean(),
  health: z.looseObject({ state: z.string() }),
});
/** An endpoint and its secret, which is answered once. */
export const secretEndpointSchema = endpointSchema.extend({
  secret: z.string(),
  warnings: z.array(z.string()).default([]),
});

/** What the resend of a range would do. */
export const resendTrialSchema = z.looseObject({ resends: z.number(), events: z.number() });
/** A resend of a range that has begun. */
export const begunResendsSchema = z.looseObject({ id: z.string().nullable(), resends: z.number() });
/** How a resend of a range stands. */
export const resendsSchema = z.looseObject({
  id: z.string(),
  resends: z.number(),
  waiting: z.number(),
  sending: z.number(),
  delivered: z.number(),
  failed: z.number(),
  timedOut: z.number(),
  abandoned: z.number(),
  endedAt: z.string().nullable(),
});
export type Resends = z.output<typeof resendsSchema>;
/** What was dropped of a resend. */
export const droppedSchema = z.looseObject({ dropped: z.number() });

/** An API key. */
export const keySchema = z.looseObject({
  id: z.string(),
  name: z.string(),
  scopes: z.array(z.string()),
  locationId: z.string().nullable(),
  allowedIps: z.array(z.string()).nullable(),
  hint: z.string(),
  expiresAt: z.string().nullable(),
  lastUsedAt: z.string().nullable(),
});
/** An API key with its text, which is answered once. */
export const newKeySchema = keySchema.extend({ key: z.string() });

/** A location. */
export const locationSchema = z.looseObject({ id: z.string(), title: z.string() });
