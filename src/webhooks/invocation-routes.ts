import { createRoute, z } from '@hono/zod-openapi';
import { and, desc, eq, lt } from 'drizzle-orm';
import type { Database } from '../db/client.ts';
import { invocations } from '../db/schema.ts';
import { uuid } from '../events/event.ts';
import { allowAtLocation, type LocationEnv, locationPath } from '../http/authorize.ts';
import { readJson } from '../http/body.ts';
import { pageOf, pageQuery, toPage } from '../http/page.ts';
import { mistakesOf, Problem } from '../http/problem.ts';
import { answers, createRouter } from '../http/router.ts';
import { fullInvocationSchema, invocationSchema, toInvocation } from './invocation.ts';
import { webhookId } from './registration.ts';
import { type Handed, type TriggerOptions, triggerWebhook } from './trigger.ts';
import { triggerSchema } from './trigger-request.ts';

/** Triggering a registered webhook, and the record of it. */
export function invocationRoutes(options: TriggerOptions) {
  const { db } = options;
  const router = createRouter<LocationEnv>();
  const places = new Places(maxInFlight);
  const mayTrigger = allowAtLocation(db, 'webhooks:trigger');
  const mayRead = allowAtLocation(db, 'settings:read');
  router.openAPIRegistry.register('Trigger', triggerSchema);

  router.openapi(createRoute({ ...trigger, ...mayTrigger }), async (c) => {
    const handed = toHanded((await c.req.text()) === '' ? {} : await readJson(c));
    const locationId = c.var.location.id;
    const caller = { locationId, webhookId: c.req.valid('param').webhookId, key: c.var.key };
    return c.json(await places.hold(locationId, () => triggerWebhook(options, caller, handed)), 200);
  });

  router.openapi(createRoute({ ...list, ...mayRead }), async (c) => {
    const { limit, cursor } = c.req.valid('query');
    const { webhookId } = c.req.valid('param');
    const rows = await findInvocations(db, {
      locationId: c.var.location.id,
      webhookId,
      cursor,
      limit: limit + 1,
    });
    const page = toPage(rows, limit, (row) => row.id);
    return c.json({ ...page, items: page.items.map(toInvocation) }, 200);
  });

  router.openapi(createRoute({ ...read, ...mayRead }), async (c) => {
    const { referenceId } = c.req.valid('param');
    const [row] = await db
      .select()
      .from(invocations)
      .where(and(eq(invocations.locationId, c.var.location.id), eq(invocations.id, referenceId)));
    if (!row) throw new Problem(404, 'There is no invocation with this referenceId at this location.');
    return c.json(
      { ...toInvocation(row), requestBody: row.requestBody, responseBody: row.responseBody },
      200,
    );
  });

  return router;
}

/** Triggers of one location that may be under way in this process: slow third parties of one venue hold up no other. */
const maxInFlight = 32;

class Places {
  readonly #max: number;
  readonly #taken = new Map<string, number>();

  constructor(max: number) {
    this.#max = max;
  }

  async hold<Result>(locationId: string, run: () => Promise<Result>): Promise<Result> {
    const taken = this.#taken.get(locationId) ?? 0;
    if (taken >= this.#max)
      throw new Problem(429, `${this.#max} triggers of this location are under way: wait for one to end.`, {
        headers: { 'retry-after': '1' },
      });
    this.#taken.set(locationId, taken + 1);
    try {
      return await run();
    } finally {
      const left = (this.#taken.get(locationId) ?? 1) - 1;
      if (left === 0) this.#taken.delete(locationId);
      else this.#taken.set(locationId, left);
    }
  }
}

/** The handler parses, so that what is not of the right form is on record as well. */
function toHanded(body: unknown): Handed {
  const result = triggerSchema.safeParse(body);
  return result.success
    ? { ok: true, trigger: result.data }
    : { ok: false, mistakes: mistakesOf(result.error) };
}

const webhookPath = locationPath.extend({ webhookId });

/** What a trigger answers. */
export const triggerAnswerSchema = z
  .object({
    referenceId: uuid,
    status: z
      .int()
      .openapi({ description: "The third party's status; 0 when no answer came, or it broke off" }),
    data: z.unknown().openapi({
      description:
        'JSON as it is, text as a text, anything else as {contentType, base64}; null: none that could be read',
    }),
    error: z.boolean(),
  })
  .openapi('TriggerAnswer');

const trigger = {
  method: 'post',
  path: '/v1/locations/{id}/webhooks/{webhookId}/trigger',
  operationId: 'webhooks.trigger',
  summary: 'Trigger a registered webhook',
  description:
    'Answers 200 whether the third party succeeds, fails, or cannot be contacted (`status` 0, `error` true). One attempt, never repeated. The body may have up to 10 MiB.',
  request: {
    params: webhookPath,
    body: { content: { 'application/json': { schema: { $ref: '#/components/schemas/Trigger' } } } },
  },
  responses: {
    200: answers("The third party's answer", triggerAnswerSchema),
  },
} as const;

const list = {
  method: 'get',
  path: '/v1/locations/{id}/webhooks/{webhookId}/invocations',
  operationId: 'invocations.list',
  summary: 'The invocations of a webhook, newest first',
  request: { params: webhookPath, query: pageQuery.extend({ cursor: uuid.optional() }) },
  responses: { 200: answers('A page of invocations', pageOf(invocationSchema)) },
} as const;

const read = {
  method: 'get',
  path: '/v1/locations/{id}/invocations/{referenceId}',
  operationId: 'invocations.get',
  summary: 'One invocation in full',
  request: { params: locationPath.extend({ referenceId: uuid }) },
  responses: { 200: answers('The invocation', fullInvocationSchema) },
} as const;

type Search = { locationId: string; webhookId: string; cursor: string | undefined; limit: number };

async function findInvocations(db: Database, { locationId, webhookId, cursor, limit }: Search) {
  return db
    .select()
    .from(invocations)
    .where(
      and(
        eq(invocations.locationId, locationId),
        eq(invocations.webhookId, webhookId),
        cursor ? lt(invocations.id, cursor) : undefined,
      ),
    )
    .orderBy(desc(invocations.id))
    .limit(limit);
}
