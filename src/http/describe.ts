import type { OpenAPIHono } from '@hono/zod-openapi';
import {
  type DescribedStatus,
  describedHeaders,
  describeProblems,
  headerReference,
  problemReference,
} from './describe-problems.ts';
import { exampleOf, type Schemas } from './example.ts';

/** A description of the API: an OpenAPI 3.1 document. */
export type Description = ReturnType<OpenAPIHono['getOpenAPI31Document']>;
type Operation = NonNullable<NonNullable<Description['paths']>[string]['get']>;
type Response = Parameters<OpenAPIHono['openAPIRegistry']['registerPath']>[0]['responses'][string];

/**
 * Completes each operation with what follows from what it is: its tag, the errors that it can answer, the headers of its
 * answers, and examples. So a route says only what is its own.
 */
export function complete(description: Description): Description {
  const { components = {}, paths, webhooks } = description;
  const schemas: Schemas = components.schemas ?? {};
  for (const operation of operationsOf({ ...paths, ...webhooks })) addExamples(operation, schemas);
  for (const operation of operationsOf(paths)) {
    operation.tags = [tagOf(operation)];
    addHeaders(operation);
    operation.responses = { ...errorsOf(operation), ...operation.responses };
  }
  const shared = { headers: describedHeaders, responses: describeProblems() };
  return { ...description, components: { ...components, ...shared } };
}

const methods = ['get', 'put', 'post', 'delete', 'patch'] as const;

function operationsOf(items: Description['paths'] = {}): Operation[] {
  return Object.values(items).flatMap((item) => methods.flatMap((method) => item[method] ?? []));
}

/** What it is about: the first part of its id, e.g. `endpoints` of `endpoints.create`. */
const tagOf = ({ operationId = '' }: Operation) => operationId.split('.')[0] ?? '';

const needsKey = ({ security }: Operation) => security?.some((one) => 'apiKey' in one) ?? true;
const needsNothing = ({ security }: Operation) => security?.length === 0;
const has = ({ parameters = [] }: Operation, places: string[]) =>
  parameters.some((parameter) => 'in' in parameter && places.includes(parameter.in));

/** Anything that reads nothing and asks for no key, such as its health, has no limits of its own. */
const isLimited = (operation: Operation) => !needsNothing(operation) || operation.requestBody !== undefined;

function errorsOf(operation: Operation) {
  const statuses: DescribedStatus[] = [
    ...(operation.requestBody ? ([400, 413, 415, 422] as const) : []),
    ...(needsNothing(operation) ? [] : ([401] as const)),
    ...(needsKey(operation) ? ([403] as const) : []),
    ...(has(operation, ['path']) ? ([404] as const) : []),
    ...(has(operation, ['query', 'header']) ? ([422] as const) : []),
    ...(isLimited(operation) ? ([429, 503] as const) : []),
    500,
  ];
  return Object.fromEntries(statuses.map((status) => [status, problemReference(status)]));
}

function addHeaders(operation: Operation): void {
  const limits = isLimited(operation) && {
    ratelimit: headerReference('RateLimit'),
    'ratelimit-policy': headerReference('RateLimitPolicy'),
  };
  for (const response of Object.values(operation.responses ?? {}))
    if (!('$ref' in response))
      response.headers = { 'x-request-id': headerReference('RequestId'), ...limits, ...response.headers };
}

function addExamples(operation: Operation, schemas: Schemas): void {
  for (const part of partsOf(operation)) if (part.schema) part.example ??= exampleOf(part.schema, schemas);
}

/** What of an operation has a schema: its parameters and bodies. */
function partsOf({ parameters = [], requestBody, responses = {} }: Operation) {
  const bodies = [requestBody, ...Object.values<Response>(responses)];
  return [
    ...parameters.flatMap((parameter) => ('$ref' in parameter ? [] : parameter)),
    ...bodies.flatMap((body) => (body && 'content' in body ? Object.values(body.content ?? {}) : [])),
  ];
}
