import type { IncomingAnswer } from './incoming.ts';

/** These answers are what somebody's template made of somebody else's data: no browser may take them for a page. */
export function respond({ status, type, body }: IncomingAnswer, requestId: string): Response {
  const hasNoBody = status === 204 || status === 205 || status === 304;
  return new Response(hasNoBody ? null : body, {
    status,
    headers: {
      'content-type': `${type}; charset=utf-8`,
      'x-content-type-options': 'nosniff',
      'content-security-policy': "sandbox; default-src 'none'",
      'cache-control': 'no-store',
      'x-request-id': requestId,
    },
  });
}
