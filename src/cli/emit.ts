import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { text } from 'node:stream/consumers';
import { v5 as uuidv5 } from 'uuid';
import { z } from 'zod';
import { acceptedSchema, type Mistake } from './answers.ts';
import type { Api } from './call-api.ts';
import { connectionOptions, openApi } from './connection.ts';
import type { Command, Input } from './command.ts';
import { CommandError, isPassing, UsageError } from './errors.ts';
import { clean } from './output.ts';

/** The most events of one request. */
const maxEvents = 1000;

/** `bellhop emit` */
export const emit: Command = {
  name: 'emit',
  summary: 'Hand over session events',
  details: `With --file, events are read as a JSON array, one object, or an object a line; --location is for those without a
locationId. An event without an id gets one made of what it says, so that the same file stores nothing twice; --new-ids
makes new ones each time.`,
  options: {
    location: { value: 'ID', help: 'The location of the session' },
    action: { value: 'ACTION', help: 'What happened to the session', choices: ['create', 'delete'] },
    uuid: { value: 'UUID', help: 'The session; one of its own for each event when missing' },
    stations: { value: 'N', help: 'The stations of the session (1)' },
    customerid: { value: 'N', help: 'The customer (0)' },
    count: { value: 'N', help: 'How many such events (1)' },
    file: { value: 'FILE', help: 'Read events from a file, or from standard input with -' },
    'new-ids': { help: 'With --file: new ids for events without one' },
    ...connectionOptions,
  },
  examples: [
    'bellhop emit --location kamen-test --action create',
    'bellhop emit --location kamen-test --action create --count 5000',
    'bellhop emit --file events.json',
    'jq -c .sessions[] export.json | bellhop emit --location kamen-test --file -',
  ],
  async run(input, terminal) {
    const file = input.text('file');
    const isRepeatable = file !== undefined && !input.flag('new-ids');
    const events = file === undefined ? makeEvents(input) : await readEvents(file, input);
    const api = await openApi(input, terminal);
    const accepted = await handOver(api, events, isRepeatable);
    terminal.output.show(accepted, () => describe(accepted));
  },
};

type Event = Record<(typeof members)[number], unknown>;
type Accepted = z.output<typeof acceptedSchema>;

/** Of which an event consists. */
const members = ['id', 'uuid', 'action', 'locationId', 'stations', 'customerid'] as const;

function makeEvents(input: Input): Event[] {
  if (input.flag('new-ids'))
    throw new UsageError('--new-ids is for --file: other events have new ids anyway.');
  const session = {
    action: input.need('action'),
    locationId: input.need('location'),
    stations: input.whole('stations', { min: 1 }) ?? 1,
    customerid: input.whole('customerid') ?? 0,
  };
  const uuid = input.text('uuid');
  const count = input.whole('count', { min: 1, max: 1_000_000 }) ?? 1;
  return Array.from({ length: count }, () => ({ id: randomUUID(), uuid: uuid ?? randomUUID(), ...session }));
}

async function readEvents(file: string, input: Input): Promise<Event[]> {
  for (const name of ['action', 'uuid', 'stations', 'customerid', 'count'])
    if (input.text(name) !== undefined)
      throw new UsageError(`--${name} is not for --file, which holds all of it.`);
  const content = await text(file === '-' ? process.stdin : createReadStream(file)).catch(
    (cause: unknown) => {
      throw new CommandError('The events cannot be read', { cause });
    },
  );
  const locationId = input.text('location');
  const events = parseEvents(content).map((event): Parsed => ({ locationId, ...event }));
  if (events.length === 0) throw new CommandError('There are no events to hand over.');
  return input.flag('new-ids')
    ? events.map((event) => toEvent(event, event['id'] ?? randomUUID()))
    : nameByContent(events);
}

type Parsed = Record<string, unknown>;

const parsedSchema = z.union([z.array(z.looseObject({})), z.looseObject({}).transform((event) => [event])]);

/** One JSON document, or one a line. */
function parseEvents(content: string): Parsed[] {
  const whole = parseJson(content);
  if (whole !== undefined) return checkShape(whole, 'The input');
  return content.split('\n').flatMap((line, index) => {
    if (line.trim() === '') return [];
    const parsed = parseJson(line);
    if (parsed === undefined) throw new CommandError(`Line ${index + 1} is not JSON.`);
    return checkShape(parsed, `Line ${index + 1}`);
  });
}

function parseJson(content: string): unknown {
  try {
    return JSON.parse(content);
  } catch {
    return undefined;
  }
}

function checkShape(parsed: unknown, where: string): Parsed[] {
  const result = parsedSchema.safeParse(parsed);
  if (!result.success) throw new CommandError(`${where} must hold events as JSON objects.`);
  return result.data;
}

/** What is no member of an event is left out, so that 1,000 events always fit in a request. */
function toEvent(event: Parsed, id: unknown): Event {
  const { uuid, action, locationId, stations, customerid } = event;
  return { id, uuid, action, locationId, stations, customerid };
}

/** Of no meaning, but that these ids are ours: made once at random. */
const namespace = '5b0e9c53-6a0f-4c7b-9e57-2f0b5c1c8f4e';

/** The ids of events without one, by what they say and how many before them say the same. */
function nameByContent(events: Parsed[]): Event[] {
  const seen = new Map<string, number>();
  return events.map((event) => {
    const { id, uuid, ...content } = toEvent(event, event['id']);
    if (id !== undefined) return toEvent(event, id);
    const name = JSON.stringify([String(uuid).toLowerCase(), ...Object.values(content)]);
    const count = (seen.get(name) ?? 0) + 1;
    seen.set(name, count);
    return toEvent(event, uuidv5(`${name} ${count}`, namespace));
  });
}

async function handOver(api: Api, events: Event[], isRepeatable: boolean): Promise<Accepted> {
  const total: Accepted = { accepted: 0, duplicates: 0, events: [] };
  for (let begun = 0; begun < events.length; begun += maxEvents) {
    const part = events.slice(begun, begun + maxEvents);
    const answer = await api.post('/v1/events', acceptedSchema, part).catch((error: unknown) => {
      throw describeFailure(error, { begun, of: events.length, isRepeatable });
    });
    total.accepted += answer.accepted;
    total.duplicates += answer.duplicates;
    total.events.push(...answer.events);
  }
  return total;
}

type Progress = { begun: number; of: number; isRepeatable: boolean };

function describeFailure(error: unknown, { begun, of, isRepeatable }: Progress): unknown {
  if (!(error instanceof CommandError)) return error;
  const before = begun > 0 ? ` ${begun} of ${of} events were handed over before that.` : '';
  const details = { ...error.details };
  if (details.errors) details.errors = numberEvents(details.errors, begun);
  if (isRepeatable && isPassing(error))
    details.hint = 'Repeat the command later: what is stored already is not stored twice.';
  return new CommandError(`${error.message}${before}`, details);
}

/** Mistakes by the number of their event in all that was to be handed over. */
function numberEvents(errors: Mistake[], begun: number): Mistake[] {
  const number = (index: string) => `event ${Number(index) + begun + 1}`;
  return errors.map(({ path, message }) => ({ path: path.replace(/^\d+/, number), message }));
}

function describe({ accepted, duplicates, events }: Accepted): string {
  const [first] = events;
  if (events.length === 1 && first) {
    const what = accepted === 1 ? 'Accepted' : 'A duplicate, accepted before';
    return `${what}: sequence ${first.sequence} of ${clean(first.locationId)}, id ${first.id}`;
  }
  const ranges = new Map<string, { first: number; last: number }>();
  for (const { locationId, sequence } of events) {
    const { first: lowest, last: highest } = ranges.get(locationId) ?? { first: sequence, last: sequence };
    ranges.set(locationId, { first: Math.min(lowest, sequence), last: Math.max(highest, sequence) });
  }
  const lines = [...ranges].map(([locationId, range]) => {
    return `  ${clean(locationId)}: sequences ${range.first} to ${range.last}`;
  });
  return [`${accepted} accepted, ${duplicates} duplicates`, ...lines].join('\n');
}
