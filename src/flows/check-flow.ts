import { and, eq, inArray } from 'drizzle-orm';
import type { Database } from '../db/client.ts';
import { webhooks } from '../db/schema.ts';
import type { Mistake } from '../http/problem.ts';
import type { NewFlow } from './flow.ts';
import { retryIfStalled } from './retry-if-stalled.ts';
import { compileTemplate, TemplateError } from './template.ts';

/** What is wrong with a flow that its schema does not show: templates that do not compile, webhooks that are not registered. */
export async function checkFlow(db: Database, locationId: string, flow: NewFlow): Promise<Mistake[]> {
  const { steps, response } = flow;
  return [...templateMistakes({ steps, response }, ''), ...(await webhookMistakes(db, locationId, flow))];
}

function templateMistakes(value: unknown, path: string): Mistake[] {
  if (typeof value === 'string') return templateMistake(value, path);
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, part]) =>
    templateMistakes(part, path ? `${path}.${name}` : name),
  );
}

function templateMistake(text: string, path: string): Mistake[] {
  try {
    retryIfStalled(() => compileTemplate(text));
    return [];
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error;
    const where = error.line === null ? '' : ` (line ${error.line})`;
    return [{ path, message: `is not a template: ${error.message}${where}` }];
  }
}

async function webhookMistakes(db: Database, locationId: string, { steps }: NewFlow): Promise<Mistake[]> {
  const wanted = steps.flatMap((step, index) => ('trigger' in step ? [{ index, id: step.trigger }] : []));
  if (wanted.length === 0) return [];
  const ids = wanted.map(({ id }) => id);
  const found = await db
    .select({ id: webhooks.id })
    .from(webhooks)
    .where(and(eq(webhooks.locationId, locationId), inArray(webhooks.id, ids)));
  const known = new Set(found.map(({ id }) => id));
  return wanted
    .filter(({ id }) => !known.has(id))
    .map(({ index, id }) => ({
      path: `steps.${index}.trigger`,
      message: `there is no webhook ${id} at this location`,
    }));
}
