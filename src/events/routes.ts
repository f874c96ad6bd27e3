import { createRoute, z } from '@hono/zod-openapi';
import { type AppEnv, allow, maySee } from '../http/authorize.ts';
import { readJson } from '../http/body.ts';
import { invalid, mistakesOf, type Refusal } from '../http/problem.ts';
import { answers, createRouter } from '../http/router.ts';
import { metrics } from '../metrics.ts';
import { locationId, type NewEvent, newEventSchema, uuid } from './event.ts';
import type { Accept } from './intake-spans.ts';

/** The most events of one request. */
const maxEvents = 1000;

const newEvents = z
  .array(newEventSchema)
  .min(1, 'must hold at least one event')
  .max(maxEvents, `must hold at most ${maxEvents} events`);

const acceptedSchema = z
  .object({
    accepted: z.int().openapi({ description: 'Events stored by this request', example: 1 }),
    duplicates: z.int().openapi({ description: 'Events whose id was stored before', example: 0 }),
    events: z.array(z.object({ id: uuid, locationId, sequence: z.int().openapi({ example: 1 }) })),
  })
  .openapi('Accepted');

const intake = createRoute({
  method: 'post',
  path: '/v1/events',
  operationId: 'events.handOver',
  summary: 'Hand over session events: one, or an array of up to 1,000',
  description:
    'Answered after the commit, all or nothing. Repeating an event with the same `id` stores it once, so a request whose answer was lost can be repeated as it is.',
  ...allow('events:write'),
  request: {
    body: {
      required: true,
      // As plain JSON Schema: the handler parses, so that a mistake is reported for the shape that was sent.
      content: {
        'application/json': {
          schema: {
            oneOf: [
              { $ref: '#/components/schemas/NewEvent' },
              {
                type: 'array',
                items: { $ref: '#/components/schemas/NewEvent' },
                minItems: 1,
                maxItems: maxEvents,
              },
            ],
          },
        },
      },
    },
  },
  responses: { 202: answers('Stored', acceptedSchema) },
});

/**
 * The intake of the core app.
 * @param accept stores the events of a request.
 * @param wake is told the locations that have new events, after their commit.
 */
export function eventRoutes(accept: Accept, wake: (locationIds: string[]) => void) {
  const router = createRouter<AppEnv>();
  router.openAPIRegistry.register('NewEvent', newEventSchema);
  return router.openapi(intake, async (c) => {
    const events = parseEvents(await readJson(c));
    const hidden = events.map((event) => event.locationId).filter((id) => !maySee(c.var.key, id));
    if (hidden.length > 0) throw unknownLocations(events, hidden, { reason: 'location', key: c.var.key });
    const acceptance = await accept(events, c.req.header('traceparent'));
    if (acceptance.unknown.length > 0) throw unknownLocations(events, acceptance.unknown);
    const fresh = acceptance.events.filter((event) => !event.duplicate);
    const duplicates = acceptance.events.length - fresh.length;
    wake([...new Set(fresh.map((event) => event.locationId))]);
    metrics.eventsAccepted.inc(fresh.length);
    metrics.eventsDuplicate.inc(duplicates);
    return c.json(
      {
        accepted: fresh.length,
        duplicates,
        events: acceptance.events.map(({ id, locationId, sequence }) => ({ id, locationId, sequence })),
      },
      202,
    );
  });
}

/** One event, or an array of them. @throws Problem that names each mistake by its path in what was sent. */
function parseEvents(body: unknown): NewEvent[] {
  const result = Array.isArray(body)
    ? newEvents.safeParse(body)
    : newEventSchema.transform((event) => [event]).safeParse(body);
  if (!result.success) throw invalid(mistakesOf(result.error));
  return result.data;
}

function unknownLocations(events: NewEvent[], unknown: string[], refusal?: Refusal) {
  const path = events.length === 1 ? () => 'locationId' : (index: number) => `${index}.locationId`;
  return invalid(
    events.flatMap((event, index) =>
      unknown.includes(event.locationId)
        ? [{ path: path(index), message: `there is no location ${event.locationId}` }]
        : [],
    ),
    refusal,
  );
}
