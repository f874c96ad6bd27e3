import { OpenAPIHono } from '@hono/zod-openapi';
import type { Env } from 'hono';
import { type DescribedStatus, problemReference } from './describe-problems.ts';
import { invalid, mistakesOf, Problem } from './problem.ts';

/** A router whose requests are checked against their schemas: what does not fit is a 422, in a path a 404. */
export function createRouter<E extends Env>() {
  return new OpenAPIHono<E>({
    defaultHook: (result) => {
      if (result.success) return;
      if (result.target === 'param') throw new Problem(404, 'There is nothing with this id.');
      throw invalid(mistakesOf(result.error));
    },
  });
}

/** A JSON answer, for a route's `responses`. */
export function answers<Schema>(description: string, schema: Schema) {
  return { description, content: { 'application/json': { schema } } };
}

/** A required JSON body, for a route's `request`. */
export function takes<Schema>(schema: Schema) {
  return { body: { required: true, content: { 'application/json': { schema } } } };
}

/** An optional JSON body, for a route's `request`. Without one it is `{}`: the handler parses it again for its defaults. */
export function mayTake<Schema>(schema: Schema) {
  return { body: { required: false, content: { 'application/json': { schema } } } };
}

/**
 * Errors of a route of its own, for its `responses`. Those that all of its kind can answer, such as 401 for a wrong key and
 * 422 for a body that does not fit, come into the description by themselves.
 */
export function problems(...statuses: DescribedStatus[]) {
  return Object.fromEntries(statuses.map((status) => [status, problemReference(status)]));
}
