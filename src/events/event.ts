import { z } from '@hono/zod-openapi';
import { actions } from '../db/schema.ts';

/** The largest `stations`: PostgreSQL's integer, 2^31 - 1. */
export const maxStations = 2_147_483_647;
/** The largest `customerid` that JSON carries exactly: 2^53 - 1. */
export const maxCustomerId = Number.MAX_SAFE_INTEGER;

/** A UUID in any version, read in any case and kept in lower case. */
export const uuid = z
  .guid('must be a UUID like 41509791-3de8-5bb9-b4fc-a9753da95aad')
  .toLowerCase()
  .openapi({ example: '41509791-3de8-5bb9-b4fc-a9753da95aad' });

/** What happened to a session. */
export const action = z.enum(actions, 'must be "create" or "delete"').openapi({ example: 'create' });

/** The core app's own id of a location. */
export const locationId = z
  .string('must be a text')
  .regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be 1 to 64 of the characters A-Z a-z 0-9 _ -')
  .openapi({ example: 'kamen-test' });

const whole = (min: number, max: number) =>
  z
    .int(`must be a whole number from ${min} to ${max}`)
    .min(min, `must be at least ${min}`)
    .max(max, `must be at most ${max}`);

const session = {
  uuid,
  action,
  stations: whole(1, maxStations).openapi({ example: 1 }),
  customerid: whole(0, maxCustomerId).openapi({ example: 7685 }),
};

/** An event as the core app hands it over. `id` makes repeating it harmless. */
export const newEventSchema = z
  .object({ id: uuid.optional(), ...session, locationId }, 'must be an object: one event')
  .openapi('NewEvent');

/** An event as it is handed over, checked. */
export type NewEvent = z.output<typeof newEventSchema>;

/** An event as the log holds it. */
export const loggedEventSchema = z
  .object({
    id: uuid,
    locationId,
    sequence: z.int().openapi({ example: 1 }),
    ...session,
    acceptedAt: z.iso.datetime(),
  })
  .openapi('Event');

/** An event as endpoints receive it: a member of the JSON array that is the body of a POST. */
export const sentEventSchema = z
  .object({
    uuid,
    action,
    location: z.string().openapi({ example: 'Kamen Test' }),
    stations: session.stations,
    customerid: session.customerid,
  })
  .openapi('SessionEvent');
