/** What a page answers to a visitor. */
export type Visit = { status: number; headers: Headers; html: string; location: string | null };

/** A browser of few words: it keeps cookies, knows the token of forms, and follows nothing by itself. */
export type Visitor = ReturnType<typeof createVisitor>;

/**
 * @example
 * const visitor = createVisitor(service.url);
 * await visitor.signIn(adminKey);
 * const { html } = await visitor.get('/locations');
 */
export function createVisitor(url: string, always: Record<string, string> = {}) {
  const cookies = new Map<string, string>();
  let csrf = '';

  async function visit(path: string, init: RequestInit = {}): Promise<Visit> {
    const headers = new Headers({
      accept: 'text/html',
      ...always,
      ...Object.fromEntries(new Headers(init.headers)),
    });
    if (cookies.size > 0)
      headers.set('cookie', [...cookies].map(([name, value]) => `${name}=${value}`).join('; '));
    const response = await fetch(url + path, { ...init, headers, redirect: 'manual' });
    for (const set of response.headers.getSetCookie()) keep(set);
    const html = await response.text();
    csrf = /name="csrf" value="([0-9a-f]{64})"/.exec(html)?.[1] ?? csrf;
    return {
      status: response.status,
      headers: response.headers,
      html,
      location: response.headers.get('location'),
    };
  }

  function keep(set: string): void {
    const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(set) ?? [];
    if (/max-age=0/i.test(set)) cookies.delete(name);
    else cookies.set(name, value);
  }

  return {
    cookies,
    get: (path: string, headers: Record<string, string> = {}) => visit(path, { headers }),
    /** Sends a form of the page that was seen last. A field may be there several times. */
    post(path: string, fields: Record<string, string | string[]> = {}, headers: Record<string, string> = {}) {
      const body = new URLSearchParams({ csrf });
      for (const [name, value] of Object.entries(fields)) {
        body.delete(name);
        for (const one of [value].flat()) body.append(name, one);
      }
      return visit(path, { method: 'POST', body, headers });
    },
    /** Signs in with a key, and looks at the first page. */
    async signIn(key: string): Promise<Visit> {
      const signedIn = await this.post('/sign-in', { key });
      if (signedIn.status !== 303) throw new Error(`The sign-in answered ${signedIn.status}.`);
      const first = await visit(signedIn.location ?? '/');
      return first.location ? visit(first.location) : first;
    },
  };
}
