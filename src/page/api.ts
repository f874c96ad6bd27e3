import type { z } from '@hono/zod-openapi';
import { isProblemStatus, type Mistake, Problem, problemSchema } from '../http/problem.ts';

/** Answers a request to the API in this process, for the person who is signed in. */
export type Call = (path: string, init: RequestInit) => Promise<Response>;

/** What the API answers instead of what was asked, for people to read. */
export type Refusal = { status: number; detail: string; errors: Mistake[] };

/** The API as the page uses it. There is nothing that the page can do and an API key cannot. */
export type Api = ReturnType<typeof createApi>;

/**
 * @example
 * const endpoint = await api.get(`/v1/locations/kamen-test/endpoints/${id}`, endpointSchema);
 * const { value, refusal } = await api.send('DELETE', `/v1/keys/${id}`);
 */
export function createApi(call: Call) {
  async function request(method: string, path: string, body?: unknown): Promise<Response> {
    if (body === undefined) return call(path, { method });
    const headers = { 'content-type': 'application/json' };
    return call(path, { method, headers, body: JSON.stringify(body) });
  }

  return {
    /** What is at a path. @throws Problem */
    async get<Schema extends z.ZodType>(path: string, schema: Schema): Promise<z.output<Schema>> {
      const response = await request('GET', path);
      if (!response.ok) throw problemOf(await readRefusal(response));
      return schema.parse(await response.json());
    },

    /** The answer as it comes, for exports and streams. @throws Problem */
    async open(path: string, init: RequestInit = {}): Promise<Response> {
      const response = await call(path, init);
      if (!response.ok) throw problemOf(await readRefusal(response));
      return response;
    },

    /** Asks for something that may be refused, as a change may. A refusal is an answer for the form it came from; what is wrong on our side is thrown. */
    async send<Schema extends z.ZodType>(
      method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
      path: string,
      body: unknown,
      schema: Schema,
    ): Promise<{ value: z.output<Schema>; refusal: null } | { value: null; refusal: Refusal }> {
      const response = await request(method, path, body);
      if (!response.ok) return { value: null, refusal: await readRefusal(response) };
      const text = await response.text();
      return { value: schema.parse(text === '' ? null : JSON.parse(text)), refusal: null };
    },
  };
}

async function readRefusal(response: Response): Promise<Refusal> {
  const { status, detail, errors = [] } = problemSchema.parse(await response.json());
  const refusal = { status, detail, errors };
  if (status >= 500) throw problemOf(refusal);
  return refusal;
}

/** A refusal where none was expected: the page shows it instead of what it was to show. */
function problemOf({ status, detail, errors }: Refusal): Problem {
  return new Problem(isProblemStatus(status) ? status : 500, detail, { errors });
}
