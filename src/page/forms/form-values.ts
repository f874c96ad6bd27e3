import type { Context } from 'hono';

/** What somebody typed into a form. */
export type FormValues = {
  /** The value of a field; empty when there is none. */
  one: (name: string) => string;
  /** Every value of a field that may be there several times. */
  all: (name: string) => string[];
};

/** Reads the form of a request. Files are none of its business. */
export async function readForm(c: Context): Promise<FormValues> {
  const body = await c.req.parseBody({ all: true });
  const all = (name: string) => [body[name] ?? []].flat().filter((value) => typeof value === 'string');
  return { all, one: (name) => all(name)[0] ?? '' };
}

/** Reads a form that changes nothing, and so is in the URL. */
export function readQueryForm(c: Context): FormValues {
  const all = (name: string) => c.req.queries(name) ?? [];
  return { all, one: (name) => all(name)[0] ?? '' };
}
