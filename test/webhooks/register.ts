import type { Answer, Api } from '../support/api.ts';
import { addLocation } from '../support/venue.ts';

/** A registered webhook, and what can be done with it. */
export type RegisteredWebhook = {
  locationId: string;
  /** `/v1/locations/{id}/webhooks/{webhookId}` */
  path: string;
  /** The answer to its registration. */
  registered: Answer['body'];
  trigger: (body?: unknown) => Promise<Answer>;
  /** The newest invocation, in full. */
  lastInvocation: () => Promise<Answer['body']>;
};

/**
 * Registers a webhook `hook` at a location of its own, unless `locationId` names one.
 * @example const { trigger } = await register(api, { url: receiver.url }); await trigger({ data: 'hello' });
 */
export async function register(
  api: Api,
  registration: object,
  locationId?: string,
): Promise<RegisteredWebhook> {
  const at = locationId ?? (await addLocation(api));
  const path = `/v1/locations/${at}/webhooks/hook`;
  const { status, body } = await api.put(path, registration);
  if (status !== 200) throw new Error(`The registration was refused: ${JSON.stringify(body)}`);
  return {
    locationId: at,
    path,
    registered: body,
    trigger: (given) => api.post(`${path}/trigger`, given),
    async lastInvocation() {
      const { body: page } = await api.get(`${path}/invocations?limit=1`);
      const full = await api.get(`/v1/locations/${at}/invocations/${page.items[0].referenceId}`);
      return full.body;
    },
  };
}

/** Makes a key. `more` are further settings, such as `{ locationId }`. @returns the same API with it. */
export async function withKey(api: Api, scopes: string[], more: object = {}): Promise<Api> {
  const { status, body } = await api.post('/v1/keys', { name: 'An app', scopes, ...more });
  if (status !== 201) throw new Error(`The key was refused: ${JSON.stringify(body)}`);
  return api.as(body.key);
}
