import { createApi, type Answer, type Api } from '../support/api.ts';
import type { TestService } from '../support/service.ts';
import { addLocation } from '../support/venue.ts';
import { until } from '../support/until.ts';

/** What a flow answered: nothing is parsed. */
export type Said = { status: number; headers: Headers; text: string };

/** A flow that a test made, and what can be done with it. */
export type TestFlow = {
  locationId: string;
  id: string;
  name: string;
  /** `/v1/locations/{id}/flows/{name}` */
  path: string;
  /** Where it is triggered: an absolute URL. */
  url: string;
  token: string;
  /** Triggers it with its token. An object goes as JSON, a text as it is. */
  send: (body?: unknown, headers?: Record<string, string>) => Promise<Said>;
  /** Its runs in full, oldest first. */
  runs: () => Promise<Answer['body'][]>;
};

/**
 * Makes a flow at a location of its own, unless `at` names one.
 * @example const { send } = await makeFlow(service, { response: { body: 'Hello {{ web1.name }}' } });
 */
export async function makeFlow(
  service: Pick<TestService, 'api' | 'url'>,
  flow: object,
  at: { locationId?: string; name?: string } = {},
): Promise<TestFlow> {
  const { locationId = await addLocation(service.api), name = 'book-session' } = at;
  const path = `/v1/locations/${locationId}/flows/${name}`;
  const { status, body } = await service.api.put(path, { status: 'live', ...flow });
  if (status !== 200) throw new Error(`The flow was refused: ${JSON.stringify(body)}`);
  const url = service.url + body.url;
  const bearer: Record<string, string> = body.token ? { authorization: `Bearer ${body.token}` } : {};
  return {
    locationId,
    id: body.id,
    name,
    path,
    url,
    token: body.token,
    send: (event, headers = {}) => sendTo(url, event, { ...bearer, ...headers }),
    runs: () => runsOf(service.api, locationId, name),
  };
}

/** Triggers whatever is at this URL. An object goes as JSON, a text as it is. */
export async function sendTo(
  url: string,
  event?: unknown,
  headers: Record<string, string> = {},
): Promise<Said> {
  const isText = typeof event === 'string';
  const body = event === undefined ? null : isText ? event : JSON.stringify(event);
  const type: Record<string, string> =
    body === null ? {} : { 'content-type': isText ? 'text/plain' : 'application/json' };
  const response = await fetch(url, { method: 'POST', headers: { ...type, ...headers }, body });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

/** The runs of a flow in full, oldest first. */
export async function runsOf(api: Api, locationId: string, name?: string): Promise<Answer['body'][]> {
  const filter = name === undefined ? '' : `&flow=${name}`;
  const { body } = await api.get(`/v1/locations/${locationId}/runs?limit=100${filter}`);
  const ids: string[] = body.items.map((run: { id: string }) => run.id).toReversed();
  const full = await Promise.all(ids.map((id) => api.get(`/v1/locations/${locationId}/runs/${id}`)));
  return full.map((answer) => answer.body);
}

/** Waits until so many runs of a flow have ended. @returns all of its runs in full, oldest first. */
export function endedRuns(flow: Pick<TestFlow, 'runs'>, count: number): Promise<Answer['body'][]> {
  return until(`${count} runs have ended`, async () => {
    const runs = await flow.runs();
    return runs.filter((run) => run.endedAt !== null).length >= count && runs;
  });
}

/** Registers a webhook. @returns its id. */
export async function registerWebhook(
  api: Api,
  locationId: string,
  id: string,
  registration: object,
): Promise<string> {
  const { status, body } = await api.put(`/v1/locations/${locationId}/webhooks/${id}`, registration);
  if (status !== 200) throw new Error(`The webhook was refused: ${JSON.stringify(body)}`);
  return id;
}

/** The API with a key that is bound to a location. */
export async function boundTo(
  api: Api,
  locationId: string,
  scopes = ['settings:write', 'settings:read'],
): Promise<Api> {
  const { status, body } = await api.post('/v1/keys', { name: 'An app', scopes, locationId });
  if (status !== 201) throw new Error(`The key was refused: ${JSON.stringify(body)}`);
  return createApi(api.url, body.key);
}
