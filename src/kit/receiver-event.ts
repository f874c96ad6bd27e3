/** An event as endpoints receive it: a member of the JSON array that is the body of a POST. */
export type SessionEvent = {
  /** The session's id, in lower case. */
  uuid: string;
  /** What happened to the session. */
  action: 'create' | 'delete';
  /** The location's title, for people. To tell locations apart, use one URL each, or {@link Delivery.locationId}. */
  location: string;
  /** How many stations the session has. */
  stations: number;
  customerid: number;
};

/** An event as the log of a location holds it, which is what catching up reads. */
export type LoggedEvent = Omit<SessionEvent, 'location'> & {
  id: string;
  locationId: string;
  /** 1, 2, 3, ... within its location, without gaps. */
  sequence: number;
  /** When Bellhop accepted it, e.g. `2026-11-22T20:15:04.419Z`. */
  acceptedAt: string;
};

/** Sequences of a location, the first and the last included. */
export type SequenceRange = { first: number; last: number };

/** A delivery that is verified. */
export type Delivery = {
  /** `webhook-id`. No two deliveries share one: a resend has its own. */
  id: string;
  /** The core app's id of the location, e.g. `kamen-test`. From a header that is not signed, as is `sequence`. */
  locationId: string;
  /** What the batch spans: it holds fewer events where the endpoint's filter left some out. */
  sequence: SequenceRange;
  /** Whether somebody tries the endpoint out: its one event is a sample, of no session, with sequence 0. */
  test: boolean;
  events: SessionEvent[];
};

/**
 * Whether what was parsed from JSON is a batch: a list of one event or more. Members that are not known yet do no harm.
 * @example isBatch([{ uuid, action: 'create', location: 'Kamen Test', stations: 1, customerid: 7685 }]); // true
 */
export function isBatch(value: unknown): value is SessionEvent[] {
  return Array.isArray(value) && value.length > 0 && value.every(isEvent);
}

function isEvent(value: unknown): value is SessionEvent {
  if (typeof value !== 'object' || value === null) return false;
  const event: { [member in keyof SessionEvent]?: unknown } = value;
  return (
    typeof event.uuid === 'string' &&
    (event.action === 'create' || event.action === 'delete') &&
    typeof event.location === 'string' &&
    Number.isSafeInteger(event.stations) &&
    Number.isSafeInteger(event.customerid)
  );
}
