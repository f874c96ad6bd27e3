import { Problem } from './problem.ts';

/** A route as Hono lists it; middleware has the method `ALL`. */
type Route = { method: string; path: string };

/**
 * The answer to a request that no route takes: 405 with `Allow` where its path has other methods, else 404.
 * @example unrouted(app.routes, '/v1/events').status; // 405
 */
export function unrouted(routes: Route[], path: string): Problem {
  const methods = routes
    .filter((route) => route.method !== 'ALL' && matches(route, path))
    .map(({ method }) => method);
  if (methods.length === 0) return new Problem(404, 'There is no such page or route.');
  // Hono answers HEAD wherever it answers GET.
  const withHead = methods.flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method]));
  const allow = [...new Set(withHead)].join(', ');
  return new Problem(405, `This path takes ${allow} only.`, { headers: { allow } });
}

function matches(route: Route, path: string): boolean {
  const parts = path.split('/');
  const wanted = route.path.split('/');
  return (
    wanted.length === parts.length &&
    wanted.every((part, n) => part === parts[n] || (part.startsWith(':') && parts[n] !== ''))
  );
}
