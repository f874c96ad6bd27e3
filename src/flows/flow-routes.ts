import { createRoute, z } from '@hono/zod-openapi';
import { and, asc, eq, gt } from 'drizzle-orm';
import type { Database } from '../db/client.ts';
import type { Encryption } from '../db/encryption.ts';
import { flows } from '../db/schema.ts';
import { audited } from '../http/audit.ts';
import { allowAtLocation, type LocationEnv, locationPath } from '../http/authorize.ts';
import { pageOf, pageQuery, toPage } from '../http/page.ts';
import { invalid } from '../http/problem.ts';
import { rotationSchema } from '../http/rotation.ts';
import { answers, createRouter, mayTake, takes } from '../http/router.ts';
import { checkFlow } from './check-flow.ts';
import {
  flowName,
  type FlowRow,
  flowSchema,
  flowStatusSchema,
  newFlowSchema,
  stepSchema,
  toFlow,
} from './flow.ts';
import { findFlow, isFlow, putFlow, rotateToken, unknownFlow } from './flows.ts';

/** The flows of a location. */
export function flowRoutes({ db, encryption }: { db: Database; encryption: Encryption }) {
  const router = createRouter<LocationEnv>();
  const mayRead = allowAtLocation(db, 'settings:read');
  const mayWrite = allowAtLocation(db, 'settings:write');
  router.openAPIRegistry.register('Step', stepSchema);

  router.openapi(createRoute({ ...put, ...mayWrite }), async (c) => {
    const key = { locationId: c.var.location.id, ...c.req.valid('param') };
    const flow = c.req.valid('json');
    const mistakes = await checkFlow(db, key.locationId, flow);
    if (mistakes.length > 0) throw invalid(mistakes);
    const { row, token } = await audited(db, c.var, async (tx) => {
      const put = await putFlow(tx, encryption, key, flow);
      const shown = { before: put.before && withoutUrl(put.before), after: withoutUrl(put.row) };
      return [put, { action: 'flow.saved', ...about(put.row), ...shown }];
    });
    return c.json({ ...toFlow(row), ...(token && row.auth === 'bearer' && { token }) }, 200);
  });

  router.openapi(createRoute({ ...list, ...mayRead }), async (c) => {
    const { limit, cursor } = c.req.valid('query');
    const rows = await db
      .select()
      .from(flows)
      .where(and(eq(flows.locationId, c.var.location.id), cursor ? gt(flows.name, cursor) : undefined))
      .orderBy(asc(flows.name))
      .limit(limit + 1);
    const page = toPage(rows, limit, (row) => row.name);
    return c.json({ ...page, items: page.items.map(toFlow) }, 200);
  });

  router.openapi(createRoute({ ...read, ...mayRead }), async (c) => {
    const row = await findFlow(db, { locationId: c.var.location.id, name: c.req.valid('param').name });
    if (!row) throw unknownFlow();
    return c.json(toFlow(row), 200);
  });

  router.openapi(createRoute({ ...change, ...mayWrite }), async (c) => {
    const key = { locationId: c.var.location.id, name: c.req.valid('param').name };
    const { status } = c.req.valid('json');
    const changed = await audited(db, c.var, async (tx) => {
      const [before] = await tx.select().from(flows).where(isFlow(key)).for('update');
      const [row] = await tx
        .update(flows)
        .set({ status, updatedAt: new Date() })
        .where(isFlow(key))
        .returning();
      if (!before || !row) throw unknownFlow();
      const shown = { before: { status: before.status }, after: { status } };
      return [row, { action: 'flow.saved', ...about(row), ...shown }];
    });
    return c.json(toFlow(changed), 200);
  });

  router.openapi(createRoute({ ...remove, ...mayWrite }), async (c) => {
    const key = { locationId: c.var.location.id, name: c.req.valid('param').name };
    await audited(db, c.var, async (tx) => {
      const [row] = await tx.delete(flows).where(isFlow(key)).returning();
      if (!row) throw unknownFlow();
      return [null, { action: 'flow.deleted', ...about(row), before: withoutUrl(row) }];
    });
    return c.body(null, 204);
  });

  router.openapi(createRoute({ ...rotate, ...mayWrite }), async (c) => {
    const { overlapHours } = rotationSchema.parse(c.req.valid('json'));
    const key = { locationId: c.var.location.id, name: c.req.valid('param').name };
    const { row, token } = await audited(db, c.var, async (tx) => {
      const rotated = await rotateToken(tx, key, overlapHours);
      const shown = { before: withoutUrl(rotated.before), after: withoutUrl(rotated.row) };
      return [rotated, { action: 'flow.token_rotated', ...about(rotated.row), ...shown }];
    });
    return c.json({ ...toFlow(row), token }, 200);
  });

  return router;
}

const flowPath = locationPath.extend({ name: flowName });
const token = z.string().openapi({ description: 'Shown now and never again', example: 'flow_…' });

const put = {
  method: 'put',
  path: '/v1/locations/{id}/flows/{name}',
  operationId: 'flows.put',
  summary: 'Make a flow, or replace it; every template and every webhook it names is checked',
  request: { params: flowPath, ...takes(newFlowSchema) },
  responses: { 200: answers('The flow', flowSchema.extend({ token: token.optional() })) },
} as const;

const list = {
  method: 'get',
  path: '/v1/locations/{id}/flows',
  operationId: 'flows.list',
  summary: 'The flows of a location, by name',
  request: { params: locationPath, query: pageQuery.extend({ cursor: flowName.optional() }) },
  responses: { 200: answers('A page of flows', pageOf(flowSchema)) },
} as const;

const read = {
  method: 'get',
  path: '/v1/locations/{id}/flows/{name}',
  operationId: 'flows.get',
  summary: 'A flow',
  request: { params: flowPath },
  responses: { 200: answers('The flow', flowSchema) },
} as const;

const change = {
  method: 'patch',
  path: '/v1/locations/{id}/flows/{name}',
  operationId: 'flows.change',
  summary: 'Pause a flow, or let it go on; it is not checked anew, so that a broken one can be paused',
  request: { params: flowPath, ...takes(flowStatusSchema) },
  responses: { 200: answers('The flow', flowSchema) },
} as const;

const remove = {
  method: 'delete',
  path: '/v1/locations/{id}/flows/{name}',
  operationId: 'flows.delete',
  summary: 'Delete a flow; its runs stay on record',
  request: { params: flowPath },
  responses: { 204: { description: 'Deleted' } },
} as const;

const rotate = {
  method: 'post',
  path: '/v1/locations/{id}/flows/{name}/rotate-token',
  operationId: 'flows.rotateToken',
  summary: 'Make a new token for the URL of a flow',
  request: { params: flowPath, ...mayTake(rotationSchema) },
  responses: { 200: answers('The flow and its new token', flowSchema.extend({ token })) },
} as const;

/** Which flow an entry of the audit log is about. */
const about = ({ locationId, name }: FlowRow) => ({ locationId, target: name });

/** A flow for the audit log: without a token, its URL is the secret. */
function withoutUrl(row: FlowRow) {
  const { id: _id, url: _url, ...shown } = toFlow(row);
  return shown;
}
