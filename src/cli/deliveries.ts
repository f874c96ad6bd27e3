import { setTimeout as delay } from 'node:timers/promises';
import { type Delivery, deliverySchema, fullDeliverySchema, pageOf } from './answers.ts';
import type { Api } from './call-api.ts';
import { connectionOptions, openApi, path } from './connection.ts';
import type { Command, Input, Options, Terminal } from './command.ts';
import { showDelivery, tableOfDeliveries } from './delivery-text.ts';
import { isPassing, UsageError } from './errors.ts';
import { readPages } from './pages.ts';
import { stopSignal } from './stop.ts';

const locationOptions: Options = { location: { value: 'ID', help: 'The location' } };

/** `bellhop deliveries` */
export const deliveries: Command = {
  name: 'deliveries',
  summary: 'The log of deliveries: what was sent, and how it went',
  options: {
    ...locationOptions,
    follow: { help: 'Show each delivery as it ends, until Ctrl-C', short: 'f' },
    endpoint: { value: 'ID', help: 'Only those to this endpoint' },
    outcome: {
      value: 'OUTCOME',
      help: 'Only those with this outcome',
      choices: ['sending', 'delivered', 'failed', 'timed_out', 'abandoned'],
    },
    session: { value: 'UUID', help: 'Only those that carry an event of this session' },
    from: { value: 'TIME', help: 'Only those since then: 2026-11-22T20:28:00Z, or 2h for two hours ago' },
    to: { value: 'TIME', help: 'Only those before then' },
    limit: { value: 'N', help: 'At most so many, the newest (20)' },
    ...connectionOptions,
  },
  examples: [
    'bellhop deliveries --location kamen-test --outcome failed --from 24h',
    'bellhop deliveries --location kamen-test --follow',
    'bellhop deliveries --location kamen-test --json | jq .items[].statusCode',
  ],
  async run(input, terminal) {
    const location = input.need('location');
    if (input.flag('follow')) return follow(location, input, terminal);
    const query = {
      endpointId: input.text('endpoint'),
      outcome: input.text('outcome'),
      uuid: input.text('session'),
      from: input.time('from'),
      to: input.time('to'),
    };
    const limit = input.whole('limit', { min: 1 }) ?? 20;
    const api = await openApi(input, terminal);
    const target = path`/v1/locations/${location}/deliveries`;
    const page = await readPages(api, { target, query, limit }, pageOf(deliverySchema));
    terminal.output.show(page, () =>
      page.items.length > 0 ? tableOfDeliveries(terminal.output, page.items) : 'No deliveries.',
    );
  },
};

/** `bellhop deliveries show` */
export const showOneDelivery: Command = {
  name: 'deliveries show',
  summary: 'One delivery in full: request, body, timings, outcome',
  operand: 'DELIVERY_ID',
  options: { ...locationOptions, ...connectionOptions },
  examples: ['bellhop deliveries show 01a20523-40cb-706d-b048-683585633a2e --location kamen-test'],
  async run(input, terminal) {
    const [location, id] = [input.need('location'), input.needOperand()];
    const api = await openApi(input, terminal);
    const delivery = await api.get(path`/v1/locations/${location}/deliveries/${id}`, fullDeliverySchema);
    terminal.output.show(delivery, () => showDelivery(terminal.output, delivery));
  },
};

/** Milliseconds until a stream that ended is opened again. */
const reopenMs = 1000;

async function follow(location: string, input: Input, terminal: Terminal): Promise<void> {
  for (const name of ['from', 'to', 'limit', 'session'])
    if (input.text(name) !== undefined) throw new UsageError(`--${name} is not for --follow.`);
  const api = await openApi(input, terminal);
  const query = new URLSearchParams();
  for (const [option, name] of [
    ['endpoint', 'endpointId'],
    ['outcome', 'outcome'],
  ] as const) {
    const value = input.text(option);
    if (value !== undefined) query.set(name, value);
  }
  const target = `${path`/v1/locations/${location}/deliveries/stream`}?${query.toString()}`;
  const signal = stopSignal();
  const stream = followOn(api, target, { signal, lastId: await newestId(api, location), terminal });
  for await (const delivery of stream)
    terminal.output.showNext(delivery, () =>
      tableOfDeliveries(terminal.output, [delivery], { isStream: true }),
    );
}

/** Where to go on when the stream is cut before it told anything. */
async function newestId(api: Api, location: string): Promise<string | undefined> {
  const schema = pageOf(deliverySchema);
  const { items } = await api.get(path`/v1/locations/${location}/deliveries`, schema, { limit: 100 });
  return items.find(({ endedAt }) => endedAt !== null)?.id;
}

type Following = { signal: AbortSignal; lastId: string | undefined; terminal: Terminal };

/** Deliveries as they end, over every cut of the stream. @throws CommandError when it is refused. */
async function* followOn(api: Api, target: string, following: Following): AsyncGenerator<Delivery, void> {
  const { signal, terminal } = following;
  const isNew = createMemory();
  let { lastId } = following;
  let isAgain = false;
  while (!signal.aborted) {
    const items = api.stream(target, signal, isAgain ? lastId : undefined);
    for await (const { id, data } of isAgain ? whilePassing(items, signal) : items) {
      lastId = id;
      if (isNew(id)) yield deliverySchema.parse(data);
    }
    if (!isAgain && !signal.aborted) terminal.output.note('The stream was cut: opening it again.');
    isAgain = true;
    await delay(reopenMs, null, { signal }).catch(() => {});
  }
}

/** Ids that are remembered, because a delivery may come once more after the stream was cut. */
const maxSeen = 2000;

/** A function that tells whether an id comes for the first time. */
function createMemory(): (id: string) => boolean {
  const seen = new Set<string>();
  return (id) => {
    if (seen.has(id)) return false;
    seen.add(id);
    const [oldest = ''] = seen;
    if (seen.size > maxSeen) seen.delete(oldest);
    return true;
  };
}

/** What is refused for a while counts as a stream without items. */
async function* whilePassing<Item>(
  items: AsyncGenerator<Item, void>,
  signal: AbortSignal,
): AsyncGenerator<Item, void> {
  try {
    yield* items;
  } catch (error) {
    if (!signal.aborted && !isPassing(error)) throw error;
  }
}
