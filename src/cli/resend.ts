import { setTimeout as delay } from 'node:timers/promises';
import {
  begunResendsSchema,
  deliverySchema,
  droppedSchema,
  type Resends,
  resendsSchema,
  resendTrialSchema,
} from './answers.ts';
import type { Api } from './call-api.ts';
import { connectionOptions, openApi, path } from './connection.ts';
import type { Command, Input, Options, Terminal } from './command.ts';
import { confirm, confirmOptions } from './confirm.ts';
import { describeDelivery } from './delivery-text.ts';
import { isPassing, UsageError } from './errors.ts';
import { clean, type Output } from './output.ts';
import { stopSignal } from './stop.ts';

const locationOptions: Options = { location: { value: 'ID', help: 'The location' } };
const rangeOptions: Options = {
  endpoint: { value: 'ID', help: 'The endpoint whose deliveries are resent' },
  from: { value: 'TIME', help: 'Those that began since then: 2026-11-22T20:28:00Z, or 2h for two hours ago' },
  to: { value: 'TIME', help: 'Those that began before then' },
  outcomes: {
    value: 'LIST',
    help: 'Only those with these outcomes, e.g. failed,timed_out',
    choices: ['delivered', 'failed', 'timed_out', 'abandoned'],
    multiple: true,
  },
  'dry-run': { help: 'Only tell what would be resent' },
};

/** `bellhop resend` */
export const resend: Command = {
  name: 'resend',
  summary: 'Send a delivery once more, or those of a range of time',
  operand: '[DELIVERY_ID]',
  details: `Ctrl-C leaves a resend of a range as it is: it goes on, and \`bellhop resend watch\` shows it again. The exit code is 1 when
something did not arrive.`,
  options: { ...locationOptions, ...rangeOptions, ...confirmOptions, ...connectionOptions },
  examples: [
    'bellhop resend 01a20523-40cb-706d-b048-683585633a2e --location kamen-test',
    'bellhop resend --location kamen-test --endpoint $ENDPOINT --from 12h --to 1h --outcomes failed,timed_out --dry-run',
    'bellhop resend --location kamen-test --endpoint $ENDPOINT --from 2026-11-21T20:00:00Z --to 2026-11-22T06:00:00Z --yes',
  ],
  async run(input, terminal) {
    if (input.operand === undefined) return resendRange(input, terminal);
    for (const name of ['endpoint', 'from', 'to', 'outcomes', 'dry-run'])
      if (input.isGiven(name)) throw new UsageError(`--${name} is for a range, and not for one delivery.`);
    const location = input.need('location');
    const api = await openApi(input, terminal);
    const target = path`/v1/locations/${location}/deliveries/${input.operand}/resend`;
    const delivery = await api.post(target, deliverySchema);
    terminal.output.show(delivery, () => describeDelivery(terminal.output, delivery));
    if (delivery.endedAt !== null && delivery.outcome !== 'delivered') process.exitCode = 1;
  },
};

/** `bellhop resend watch` */
export const watchResend: Command = {
  name: 'resend watch',
  summary: 'Show how a resend of a range goes on',
  operand: 'RESEND_ID',
  options: { ...locationOptions, ...connectionOptions },
  examples: ['bellhop resend watch 01a20523-40cb-706d-b048-683585633a2e --location kamen-test'],
  async run(input, terminal) {
    const [location, id] = [input.need('location'), input.needOperand()];
    const api = await openApi(input, terminal);
    await watch(api, { location, id }, terminal.output);
  },
};

/** `bellhop resend drop` */
export const dropResend: Command = {
  name: 'resend drop',
  summary: 'Drop what still waits of a resend of a range',
  operand: 'RESEND_ID',
  options: { ...locationOptions, ...confirmOptions, ...connectionOptions },
  examples: ['bellhop resend drop 01a20523-40cb-706d-b048-683585633a2e --location kamen-test'],
  async run(input, terminal) {
    const [location, id] = [input.need('location'), input.needOperand()];
    const api = await openApi(input, terminal);
    await confirm(input, `Drop what still waits of the resend ${clean(id)}?`);
    const result = droppedSchema.parse(await api.delete(path`/v1/locations/${location}/resends/${id}`));
    terminal.output.show(result, () => `${result.dropped} dropped; what had begun goes on.`);
  },
};

async function resendRange(input: Input, terminal: Terminal): Promise<void> {
  const { output } = terminal;
  const [location, endpoint] = [input.need('location'), input.need('endpoint')];
  input.need('from');
  input.need('to');
  const range = { from: input.time('from'), to: input.time('to'), outcomes: input.list('outcomes') };
  const api = await openApi(input, terminal);
  const target = path`/v1/locations/${location}/endpoints/${endpoint}/resend`;
  const trial = await api.post(target, resendTrialSchema, { ...range, dryRun: true });
  const what = `${count(trial.resends, 'delivery', 'deliveries')} with ${count(trial.events, 'event', 'events')}`;
  if (input.flag('dry-run')) return output.show(trial, () => `Would resend ${what}.`);
  if (trial.resends === 0) return output.show({ id: null, resends: 0 }, () => 'There is nothing to resend.');
  await confirm(input, `Resend ${what} to the endpoint ${clean(endpoint)}?`);
  const begun = await api.post(target, begunResendsSchema, range);
  if (begun.id === null) return output.show(begun, () => 'There is nothing to resend.');
  output.note(`Resend ${begun.id} has begun.`);
  await watch(api, { location, id: begun.id }, output);
}

const count = (number: number, one: string, many: string) => `${number} ${number === 1 ? one : many}`;

type Watched = { location: string; id: string };

/** Milliseconds between two looks. */
const lookMs = 500;

async function watch(api: Api, { location, id }: Watched, output: Output): Promise<void> {
  const signal = stopSignal();
  const target = path`/v1/locations/${location}/resends/${id}`;
  const draw = createProgress(output);
  let resends = await api.get(target, resendsSchema);
  for (;;) {
    draw(resends);
    if (resends.endedAt !== null || signal.aborted) break;
    await delay(lookMs, null, { signal }).catch(() => {});
    if (!signal.aborted) resends = await lookAgain(api, target, resends);
  }
  if (output.isTty) process.stdout.write('\n');
  if (output.isJson) output.show(resends, () => '');
  if (resends.endedAt === null) return sayHowToComeBack({ location, id }, output);
  if (resends.delivered < resends.resends) process.exitCode = 1;
}

/** While Bellhop cannot answer, things stand as they stood. */
async function lookAgain(api: Api, target: string, before: Resends): Promise<Resends> {
  return api.get(target, resendsSchema).catch((error: unknown) => {
    if (isPassing(error)) return before;
    throw error;
  });
}

function sayHowToComeBack({ location, id }: Watched, output: Output): void {
  const words = `${clean(id)} --location ${clean(location)}`;
  output.note(
    `The resend goes on. Watch it again: bellhop resend watch ${words}\nDrop what waits:       bellhop resend drop ${words}`,
  );
}

/** Characters of the bar. */
const barWidth = 30;

/** Draws a bar on a terminal, and elsewhere a line for each change. */
function createProgress(output: Output): (resends: Resends) => void {
  let before = '';
  return (resends) => {
    const line = describeProgress(resends);
    if (output.isJson || line === before) return;
    before = line;
    const done = (resends.resends - resends.waiting - resends.sending) / Math.max(1, resends.resends);
    const filled = Math.round(done * barWidth);
    const bar = `${'█'.repeat(filled)}${'░'.repeat(barWidth - filled)}`;
    if (output.isTty) output.redraw(`${output.paint('cyan', bar)} ${line}`);
    else process.stdout.write(`${line}\n`);
  };
}

function describeProgress(resends: Resends): string {
  const ended = resends.resends - resends.waiting - resends.sending;
  const parts = [
    [resends.delivered, 'delivered'],
    [resends.failed, 'failed'],
    [resends.timedOut, 'timed out'],
    [resends.abandoned, 'abandoned'],
    [resends.sending, 'being sent'],
    [resends.waiting, 'waiting'],
  ] as const;
  const counts = parts.filter(([number]) => number > 0).map(([number, what]) => `${number} ${what}`);
  return `${ended} of ${resends.resends}: ${counts.join(', ')}`;
}
