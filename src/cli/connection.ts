import { readFile } from 'node:fs/promises';
import { contains, parseCidrs } from '../delivery/url-guard.ts';
import { type Api, createApi } from './call-api.ts';
import type { Input, Options, Terminal } from './command.ts';
import { CommandError, UsageError } from './errors.ts';
import { clean } from './output.ts';

/** Where the API is, and as whom to use it. */
export const connectionOptions: Options = {
  api: { value: 'URL', help: 'Where Bellhop is (BELLHOP_URL; http://127.0.0.1:8080)' },
  'key-file': { value: 'FILE', help: 'Read the API key from a file (BELLHOP_KEY)' },
  key: { value: 'KEY', help: 'The API key; other users of this machine can see it: prefer BELLHOP_KEY' },
};

/** The URL of a host, which may be an IPv6 address. */
export function urlAt(host: string, port: number): string {
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** Whether a URL leads to this machine. */
export const isLocal = (url: string) => {
  const { hostname } = new URL(url);
  return hostname === 'localhost' || contains(loopback, hostname.replace(/^\[|\]$/g, ''));
};
const loopback = parseCidrs('127.0.0.0/8, ::1');

/**
 * The API by the options and the environment of a command.
 * @throws UsageError when there is no key, or no usable address.
 */
export async function openApi(input: Input, { output, environment }: Terminal): Promise<Api> {
  const url = readUrl(input.text('api') ?? environment.BELLHOP_URL);
  const given = input.text('key');
  if (given !== undefined)
    output.warn(
      'other users of this machine can read --key in the list of processes: set BELLHOP_KEY instead.',
    );
  const file = input.text('key-file');
  const key = given ?? (file === undefined ? environment.BELLHOP_KEY : await readKey(file));
  if (!key) throw new UsageError('There is no API key: set BELLHOP_KEY, or give --key-file FILE.');
  if (!/^[\x21-\x7e]{1,512}$/.test(key))
    throw new UsageError('The API key must be visible ASCII characters.');
  if (url.startsWith('http:') && !isLocal(url))
    output.warn(`the key goes to ${url} without encryption: use https.`);
  return createApi({ url, key });
}

function readUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url && /^https?:$/.test(url.protocol) && url.username === '' && url.password === '')
    return `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
  throw new UsageError(
    `The address of Bellhop must be a URL like https://hooks.example.com, not "${clean(text)}".`,
  );
}

async function readKey(file: string): Promise<string> {
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (cause) {
    throw new CommandError('The file of --key-file cannot be read', { cause });
  }
}

/** A path with the ids of people in it. @example path`/v1/locations/${locationId}/endpoints` */
export function path(texts: TemplateStringsArray, ...ids: string[]): string {
  for (const id of ids) if (/^\.{0,2}$/.test(id)) throw new UsageError(`"${id}" is not an id.`);
  return String.raw({ raw: texts }, ...ids.map(encodeURIComponent));
}
