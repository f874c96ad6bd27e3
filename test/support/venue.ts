import { randomUUID } from 'node:crypto';
import type { Api } from './api.ts';
import { newLocationId } from './service.ts';

/** An event as the core app hands it over. */
export type HandedEvent = {
  id: string;
  uuid: string;
  action: 'create' | 'delete';
  locationId: string;
  stations: number;
  customerid: number;
};

/** What the intake answers for an event. */
export type AcceptedEvent = { id: string; locationId: string; sequence: number };

/** Makes a location. @returns its id. */
export async function addLocation(api: Api, title = 'Kamen Test'): Promise<string> {
  const id = newLocationId();
  const { status, body } = await api.put(`/v1/locations/${id}`, { title });
  if (status !== 200) throw new Error(`The location was refused: ${JSON.stringify(body)}`);
  return id;
}

/** Makes an endpoint. `more` are further settings, such as `{ actions: ['create'] }`. */
export async function addEndpoint(
  api: Api,
  locationId: string,
  url: string,
  more: object = {},
): Promise<{ id: string; secret: string; path: string }> {
  const { status, body } = await api.post(`/v1/locations/${locationId}/endpoints`, { url, ...more });
  if (status !== 201) throw new Error(`The endpoint was refused: ${JSON.stringify(body)}`);
  return { id: body.id, secret: body.secret, path: `/v1/locations/${locationId}/endpoints/${body.id}` };
}

/** Makes a location with one endpoint at `url`. @returns the location's id. */
export async function addVenue(api: Api, url: string, title?: string): Promise<string> {
  const locationId = await addLocation(api, title);
  await addEndpoint(api, locationId, url);
  return locationId;
}

/** An event of a session of its own. */
export function newEvent(locationId: string, more: Partial<HandedEvent> = {}): HandedEvent {
  const ids = { id: randomUUID(), uuid: randomUUID() };
  return { ...ids, action: 'create', locationId, stations: 1, customerid: 7685, ...more };
}

export function newEvents(locationId: string, count: number): HandedEvent[] {
  return Array.from({ length: count }, () => newEvent(locationId));
}

/** Hands events over. @returns what was accepted. @throws Error when they are refused. */
export async function handOver(api: Api, events: HandedEvent | HandedEvent[]): Promise<AcceptedEvent[]> {
  const { status, body } = await api.post('/v1/events', events);
  if (status !== 202) throw new Error(`The events were refused: ${JSON.stringify(body)}`);
  return body.events;
}
