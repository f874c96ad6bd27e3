import { type ProblemStatus, titles } from './problem.ts';

/** What each error means wherever it is answered, with a `detail` as it may be. */
const meanings = {
  400: { description: 'What was sent cannot be read.', detail: 'The body is not valid JSON.' },
  401: {
    description: 'There is no key or token, or it opens nothing.',
    detail: 'This API key is unknown, revoked or expired.',
  },
  403: {
    description: 'The key may not do this, or not from this address.',
    detail: 'This API key lacks the scope settings:write.',
  },
  404: {
    description: 'It is not there, or the key may not see it.',
    detail: 'There is no location with this id.',
  },
  409: { description: 'It cannot be done as things stand.', detail: 'This delivery has not ended yet.' },
  413: {
    description: 'The body is too large.',
    detail: 'The body is larger than 1 MiB: send less at once.',
  },
  415: {
    description: 'The body is of another type, or encoded.',
    detail: 'Send the body as JSON, with `content-type: application/json`.',
  },
  422: {
    description: 'What was sent can be read, but does not fit; `errors` names each mistake.',
    detail: 'The request has a mistake. stations: must be at least 1',
  },
  429: {
    description: 'Too many requests: wait as long as `retry-after` says.',
    detail: 'More than 600 requests in a minute: try again later.',
  },
  500: {
    description: 'The fault is on our side; the log has its cause under the `requestId`.',
    detail: 'Something went wrong on our side. It has been logged with this requestId.',
  },
  503: {
    description: 'Not possible right now: repeat the request, with the same ids.',
    detail: 'The database does not answer.',
  },
  508: {
    description: 'Flows call each other in a loop, which was cut.',
    detail: 'The flows behind this URL call each other in a loop, which was cut here.',
  },
} satisfies Partial<Record<ProblemStatus, { description: string; detail: string }>>;

/** The errors that operations can have. 405 is not among them: it is what there is no operation for. */
export type DescribedStatus = keyof typeof meanings;

const describedStatuses = [400, 401, 403, 404, 409, 413, 415, 422, 429, 500, 503, 508] as const;

/** What some of them say besides, in the head. */
const moreHeaders: Partial<Record<DescribedStatus, Record<string, ReturnType<typeof headerReference>>>> = {
  401: { 'www-authenticate': headerReference('Authenticate') },
  409: { 'retry-after': headerReference('RetryAfter') },
  429: { 'retry-after': headerReference('RetryAfter') },
  503: { 'retry-after': headerReference('RetryAfter') },
};

const nameOf = (status: DescribedStatus) => titles[status].replaceAll(' ', '');

/** Points from an operation to the description of one of its errors. */
export function problemReference(status: DescribedStatus) {
  return { $ref: `#/components/responses/${nameOf(status)}` };
}

/** Every error, described once for {@link problemReference}: `components.responses` of the description. */
export function describeProblems() {
  const described = describedStatuses.map((status) => [nameOf(status), responseOf(status)]);
  return Object.fromEntries(described);
}

function responseOf(status: DescribedStatus) {
  const { description, detail } = meanings[status];
  const requestId = '41509791-3de8-5bb9-b4fc-a9753da95aad';
  const errors = status === 422 && { errors: [{ path: 'stations', message: 'must be at least 1' }] };
  const example = { title: titles[status], status, detail, requestId, ...errors };
  return {
    description,
    headers: { 'x-request-id': headerReference('RequestId'), ...moreHeaders[status] },
    content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' }, example } },
  };
}

/** Points to a header of {@link describedHeaders}. */
export function headerReference(name: keyof typeof describedHeaders) {
  return { $ref: `#/components/headers/${name}` };
}

/** Headers of answers. */
export const describedHeaders = {
  RequestId: {
    description: 'The id of the request, under which the log has it: the one that was sent, or a new one',
    schema: { type: 'string' },
    example: '41509791-3de8-5bb9-b4fc-a9753da95aad',
  },
  RetryAfter: {
    description: 'Seconds after which it may be tried again',
    schema: { type: 'integer', minimum: 0 },
    example: 1,
  },
  Authenticate: {
    description: 'How to authenticate',
    schema: { type: 'string' },
    example: 'Bearer',
  },
  RateLimit: {
    description:
      'How many requests are left, and seconds until the count begins anew; missing without a limit',
    schema: { type: 'string' },
    example: 'limit=600, remaining=599, reset=60',
  },
  RateLimitPolicy: {
    description: 'How many requests may come in how many seconds; missing without a limit',
    schema: { type: 'string' },
    example: '600;w=60',
  },
} as const;
