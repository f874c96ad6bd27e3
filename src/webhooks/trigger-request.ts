import { z } from '@hono/zod-openapi';
import type { methods } from '../db/schema.ts';
import type { Mistake } from '../http/problem.ts';
import { headerNameSchema, headerValueSchema, mask } from '../http/custom-headers.ts';
import { dataProblem, type JsonSchema } from './data-schema.ts';
import { maxHeaders, maxQueryParams } from './registration.ts';

/** Counted first: a body has room for more mistakes than anybody should look for. */
const few = (max: number, what: string) =>
  z
    .record(z.string(), z.unknown(), `must be an object of ${what}`)
    .refine((members) => Object.keys(members).length <= max, `must hold at most ${max} ${what}`);

/** What an app hands over when it triggers a webhook. */
export const triggerSchema = z
  .object({
    data: z
      .union(
        [z.string(), z.record(z.string(), z.unknown()), z.array(z.unknown())],
        'must be a text, an object or a list',
      )
      .optional(),
    headers: few(maxHeaders, 'headers')
      .pipe(z.record(z.string(), z.string('must be a text')))
      .default({})
      .openapi({ additionalProperties: { type: 'string' } }),
    queryParams: few(maxQueryParams, 'parameters')
      .pipe(
        z.record(
          z.string(),
          z.union([z.string(), z.number(), z.boolean()], 'must be a text, a number or true or false'),
        ),
      )
      .default({})
      .openapi({ additionalProperties: { type: ['string', 'number', 'boolean'] } }),
  })
  .openapi('Trigger');

export type Trigger = z.output<typeof triggerSchema>;

/** A registration with its hidden values in the clear. */
export type OpenRegistration = {
  url: string;
  method: (typeof methods)[number] | null;
  headers: Record<string, string>;
  queryParams: string[];
  payloadEncoding: 'base64' | null;
  dataSchema: JsonSchema | null;
};

/** A request to a third party. `body` null: none. */
export type ThirdPartyRequest = {
  url: string;
  method: (typeof methods)[number];
  headers: Record<string, string>;
  body: Buffer | null;
};

/** Characters of a URL, as many as the URL policy allows. */
const maxUrlLength = 2048;

/**
 * Fits what an app handed over into a registration.
 * @returns the request to send, or what does not fit.
 * @example composeRequest({ url, method: 'GET', headers: {}, queryParams: ['pageNum'], ... }, { queryParams: { pageNum: 2 } });
 */
export function composeRequest(
  registration: OpenRegistration,
  trigger: Trigger,
): { ok: true; request: ThirdPartyRequest } | { ok: false; mistakes: Mistake[] } {
  const body = bodyOf(registration, trigger.data);
  const url = urlOf(registration, trigger.queryParams);
  const mistakes = [
    ...(typeof body === 'string' ? [{ path: 'data', message: body }] : []),
    ...dataMistakes(registration, trigger.data),
    ...headerMistakes(registration, trigger.headers),
    ...queryMistakes(registration, trigger.queryParams),
    ...(url.length > maxUrlLength ? [{ path: 'queryParams', message: 'make the URL too long' }] : []),
  ];
  if (mistakes.length > 0 || typeof body === 'string') return { ok: false, mistakes };
  const method = registration.method ?? (body ? 'POST' : 'GET');
  // GET has no body (RFC 9110, 9.3.1): what an app hands over to such a webhook is checked, and stays here.
  const sentBody = method === 'GET' ? null : body;
  const headers = {
    ...contentType(registration, trigger.data, sentBody),
    ...namedHeaders(registration, trigger),
  };
  return { ok: true, request: { url, method, headers, body: sentBody } };
}

/** The bytes to send, null without data, or what is wrong with the data. */
function bodyOf({ payloadEncoding }: OpenRegistration, data: Trigger['data']): Buffer | null | string {
  if (data === undefined) return null;
  if (payloadEncoding === null) return typeof data === 'string' ? Buffer.from(data) : jsonOf(data);
  if (typeof data !== 'string') return 'must be a text in base64';
  return z.base64().safeParse(data).success ? Buffer.from(data, 'base64') : 'must be valid base64';
}

function jsonOf(data: object): Buffer | string {
  try {
    return Buffer.from(JSON.stringify(data));
  } catch {
    return 'is nested too deeply';
  }
}

function contentType({ payloadEncoding }: OpenRegistration, data: Trigger['data'], body: Buffer | null) {
  if (!body) return {};
  if (payloadEncoding) return { 'content-type': 'application/octet-stream' };
  return { 'content-type': typeof data === 'string' ? 'text/plain; charset=utf-8' : 'application/json' };
}

/** Hidden headers and those of the caller, in lower case, so that each stands once. */
function namedHeaders(registration: OpenRegistration, trigger: Trigger): Record<string, string> {
  const entries = [...Object.entries(registration.headers), ...Object.entries(trigger.headers)];
  return Object.fromEntries(
    entries.filter(([, value]) => value !== '').map(([name, value]) => [name.toLowerCase(), value]),
  );
}

/** The query of the registration stays as it is, but for the parameters that the caller sets. */
function urlOf(
  { url, queryParams: registered }: OpenRegistration,
  queryParams: Trigger['queryParams'],
): string {
  const given = Object.entries(queryParams).filter(([name]) => registered.includes(name));
  const target = new URL(url);
  if (given.length === 0) return target.href;
  const kept = target.search
    .slice(1)
    .split('&')
    .filter((part) => part !== '' && !given.some(([name]) => new URLSearchParams(part).has(name)));
  const added = given.map(([name, value]) => `${encode(name)}=${encode(String(value))}`);
  target.search = [...kept, ...added].join('&');
  return target.href;
}

/** A space becomes %20, which everybody reads, unlike +. */
const encode = (text: string) => encodeURIComponent(text.toWellFormed());

function dataMistakes({ dataSchema }: OpenRegistration, data: Trigger['data']): Mistake[] {
  if (dataSchema === null) return [];
  if (data === undefined) return [{ path: 'data', message: 'is missing' }];
  const problem = dataProblem(dataSchema, data);
  return problem
    ? [{ path: ['data', problem.path].filter(Boolean).join('.'), message: problem.message }]
    : [];
}

function headerMistakes(registration: OpenRegistration, headers: Trigger['headers']): Mistake[] {
  const registered = new Map(
    Object.entries(registration.headers).map(([name, value]) => [name.toLowerCase(), value]),
  );
  const given = new Map<string, string>();
  const mistakes: Mistake[] = [];
  for (const [name, value] of Object.entries(headers)) {
    const message = headerProblem(name, value, { registered, given });
    if (message) mistakes.push({ path: `headers.${name}`, message });
    given.set(name.toLowerCase(), value);
  }
  for (const [name, value] of registered)
    if (value === '' && !given.get(name)) mistakes.push({ path: `headers.${name}`, message: 'is missing' });
  return mistakes;
}

type Names = { registered: Map<string, string>; given: Map<string, string> };

function headerProblem(name: string, value: string, { registered, given }: Names): string | undefined {
  const key = name.toLowerCase();
  if (given.has(key)) return 'is given twice in different cases';
  if (registered.get(key)) return 'is set by the registration, and cannot be replaced';
  if (value === mask) return 'must be the value itself, not what stands in its place';
  const checked = [headerNameSchema.safeParse(name), headerValueSchema.safeParse(value)];
  return checked.find((result) => !result.success)?.error?.issues[0]?.message;
}

function queryMistakes({ queryParams }: OpenRegistration, given: Trigger['queryParams']): Mistake[] {
  const known = queryParams.length === 0 ? 'none' : queryParams.join(', ');
  return Object.keys(given)
    .filter((name) => !queryParams.includes(name))
    .map((name) => ({
      path: `queryParams.${name}`,
      message: `is not registered: this webhook takes ${known}`,
    }));
}
