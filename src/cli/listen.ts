import { randomUUID } from 'node:crypto';
import { verify } from '../kit/receiver.ts';
import { secretEndpointSchema } from './answers.ts';
import type { Api } from './call-api.ts';
import { connectionOptions, isLocal, openApi, path } from './connection.ts';
import type { Command, Input, Terminal } from './command.ts';
import { CommandError, UsageError } from './errors.ts';
import { Forwarder } from './listen/forward.ts';
import { type Arrived, startListener } from './listen/listener.ts';
import { showBatch } from './listen/show-batch.ts';
import { clean, type Output } from './output.ts';
import { stopSignal } from './stop.ts';

/** `bellhop listen` */
export const listen: Command = {
  name: 'listen',
  summary: 'Receive deliveries on this machine, verify and show them',
  details: `Answers a delivery that is signed with a secret at once with 204, and anything else with 401, 400 or 413, as a receiver
should. --register makes an endpoint for as long as this runs; its secret is known then. What is forwarded is the very same
request, which your own code can verify with the same secret; only signed ones are, one after the other.`,
  options: {
    port: { value: 'PORT', help: 'Where to listen; 0: any free one (8090)' },
    host: { value: 'ADDRESS', help: 'The address to listen on (127.0.0.1)' },
    secret: {
      value: 'whsec_...',
      help: 'The signing secret of the endpoint (BELLHOP_SECRET); several during a rotation',
      multiple: true,
    },
    'forward-to': { value: 'URL', help: 'Send each request on to this URL' },
    register: { help: 'Make an endpoint at --location, and remove it at the end' },
    location: { value: 'ID', help: 'With --register: the location' },
    url: {
      value: 'URL',
      help: 'With --register: where Bellhop reaches this, e.g. a tunnel; when both are on one machine, not needed',
    },
    ...connectionOptions,
  },
  examples: [
    'bellhop listen --secret whsec_...',
    'bellhop listen --register --location kamen-test --forward-to http://127.0.0.1:3000/hooks/vr',
    'bellhop listen --register --location kamen-test --url https://my-tunnel.example.com',
  ],
  async run(input, terminal) {
    const { output } = terminal;
    const wanted = await readWanted(input, terminal);
    const signal = stopSignal();
    const forwarder = wanted.forwardTo ? new Forwarder(wanted.forwardTo, output) : null;
    const secrets = wanted.secrets;
    const listener = await startListener(wanted, secrets, (arrived) => {
      showBatch(output, arrived);
      if (isToForward(arrived)) forwarder?.forward(arrived);
    });
    try {
      announce(wanted, listener.url, output);
      await (wanted.register
        ? listenRegistered(wanted.register, { listener, secrets, terminal }, signal)
        : untilAborted(signal));
    } finally {
      forwarder?.stop();
      await listener.stop();
    }
  },
};

function announce({ secrets, register, forwardTo }: Wanted, url: string, output: Output): void {
  if (output.isJson) return output.showNext({ type: 'listening', url }, () => '');
  const isUnchecked = secrets.length === 0 && !register;
  output.note(`Listening on ${url}${isUnchecked ? ', without a --secret: signatures are not checked' : ''}`);
  if (forwardTo) output.note(`Forwarding to ${clean(forwardTo)}`);
}

type Registration = { api: Api; locationId: string; url: string | undefined };
type Wanted = {
  port: number;
  host: string;
  secrets: string[];
  forwardTo: string | undefined;
  register: Registration | null;
};

async function readWanted(input: Input, terminal: Terminal): Promise<Wanted> {
  const common = {
    port: input.whole('port', { max: 65_535 }) ?? 8090,
    host: input.text('host') ?? '127.0.0.1',
    forwardTo: readForwardTo(input),
  };
  if (input.flag('register')) {
    if (input.isGiven('secret'))
      throw new UsageError('--register has a secret of its own: leave out --secret.');
    return { ...common, secrets: [], register: await readRegistration(input, terminal) };
  }
  for (const name of ['location', 'url'])
    if (input.isGiven(name)) throw new UsageError(`--${name} is for --register.`);
  return { ...common, secrets: await readSecrets(input, terminal), register: null };
}

async function readSecrets(input: Input, { environment }: Terminal): Promise<string[]> {
  const given = input.texts('secret');
  const secrets =
    given.length > 0 ? given : [environment.BELLHOP_SECRET ?? ''].filter((secret) => secret !== '');
  if (secrets.length > 0) await checkSecrets(secrets);
  return secrets;
}

/** By verifying what is no delivery, and looking at what is said to be wrong. */
async function checkSecrets(secrets: string[]): Promise<void> {
  await verify({ headers: {}, body: null }, secrets).catch((error: unknown) => {
    if (error instanceof TypeError) throw new UsageError(error.message);
  });
}

function readForwardTo(input: Input): string | undefined {
  const forwardTo = input.text('forward-to');
  if (forwardTo === undefined || (URL.canParse(forwardTo) && /^https?:/i.test(forwardTo))) return forwardTo;
  throw new UsageError('--forward-to must be a URL like http://127.0.0.1:3000/hooks/vr.');
}

async function readRegistration(input: Input, terminal: Terminal): Promise<Registration> {
  const locationId = input.need('location');
  const api = await openApi(input, terminal);
  const url = input.text('url');
  if (url === undefined && !isLocal(api.url))
    throw new UsageError(
      '--url is required: an address by which Bellhop, which is not on this machine, reaches this one.',
      'A tunnel has one, such as those of ngrok, cloudflared or ssh -R.',
    );
  return { api, locationId, url };
}

type Listening = { listener: { url: string }; secrets: string[]; terminal: Terminal };

/** What comes before the secret is known is not signed for this listener. */
async function listenRegistered(
  { api, locationId, url }: Registration,
  { listener, secrets, terminal: { output } }: Listening,
  signal: AbortSignal,
): Promise<void> {
  const made = await api
    .post(path`/v1/locations/${locationId}/endpoints`, secretEndpointSchema, {
      url: url ?? `${listener.url}/${randomUUID()}`,
      description: 'Temporary: bellhop listen',
    })
    .catch((error: unknown) => {
      throw explainRefusal(error, url);
    });
  secrets.push(made.secret);
  if (output.isJson) output.showNext({ type: 'registered', endpointId: made.id, url: made.url }, () => '');
  output.note(`Made the endpoint ${made.id} at ${clean(locationId)}: ${clean(made.url)}`);
  for (const warning of made.warnings) output.note(`Warning: ${clean(warning)}`);
  try {
    await untilAborted(signal);
  } finally {
    await remove({ api, locationId, url }, made.id);
    output.note(`Removed the endpoint ${made.id}.`);
  }
}

async function remove({ api, locationId }: Registration, id: string): Promise<void> {
  await api.delete(path`/v1/locations/${locationId}/endpoints/${id}`).catch((error: unknown) => {
    if (error instanceof CommandError && error.details.status === 404) return;
    throw new CommandError(`The endpoint ${id} is still there`, {
      cause: error,
      hint: `Remove it: bellhop endpoints delete ${id} --location ${clean(locationId)}`,
    });
  });
}

function explainRefusal(error: unknown, url: string | undefined): unknown {
  if (!(error instanceof CommandError) || error.details.status !== 422) return error;
  const hint = url
    ? 'Give a --url that Bellhop may send to, such as that of a tunnel.'
    : 'Bellhop sends to this machine when it is started with DELIVERY_ALLOW_CIDRS=127.0.0.0/8. Or give the --url of a tunnel.';
  return new CommandError(error.message, { ...error.details, hint });
}

function isToForward({ verdict }: Arrived): boolean {
  return verdict.kind === 'valid' || verdict.kind === 'unchecked';
}

async function untilAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
}
