import { z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { Problem } from '../../http/problem.ts';
import type { Refusal } from '../api.ts';
import type { PageEnv } from '../view.ts';

/** Whether there is something at a path of the API. */
export async function isThere(c: Context<PageEnv>, path: string): Promise<boolean> {
  try {
    await c.var.api.get(path, z.unknown());
    return true;
  } catch (error) {
    if (error instanceof Problem && error.status === 404) return false;
    throw error;
  }
}

/** What is wrong with the name (`id`) of something new. The API would put it in place of what has the name already. */
export function refuseNew(schema: z.ZodType, id: string, isTaken: boolean): Refusal | null {
  const { error } = schema.safeParse(id);
  const message = error ? error.issues[0]?.message : isTaken ? 'is taken: choose another one' : undefined;
  return message === undefined ? null : { status: 422, detail: '', errors: [{ path: 'id', message }] };
}
