import { type Context, Hono } from 'hono';
import { pageOf } from '../../http/page.ts';
import { auditEntrySchema } from '../../settings/audit-routes.ts';
import { answerPage } from '../answer.tsx';
import { AuditPage } from './audit-page.tsx';
import type { PageEnv } from '../view.ts';

/** What was done at a location, and by whom. */
export function auditRoutes() {
  return new Hono<PageEnv>().get('/', async (c) => {
    const action = c.req.query('action') ?? '';
    const cursor = c.req.query('cursor');
    const entries = await c.var.api.get(
      `/v1/audit?${queryOf(c, action, cursor).toString()}`,
      pageOf(auditEntrySchema),
    );
    const state = { location: c.var.location, entries, action, isFirst: !cursor };
    return answerPage(c, <AuditPage {...state} />);
  });
}

const pageSize = '50';

function queryOf(c: Context<PageEnv>, action: string, cursor: string | undefined): URLSearchParams {
  return new URLSearchParams({
    locationId: c.var.location.id,
    limit: pageSize,
    ...(action && { action }),
    ...(cursor && { cursor }),
  });
}
