import { access, constants, stat, statfs } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { Config } from '../../config.ts';
import { contains } from '../../delivery/url-guard.ts';
import { isLocal, urlAt } from '../connection.ts';
import { describeError } from '../errors.ts';
import { type Check, checksOf } from './check.ts';

/** bin/bellhop.js has refused what is too old. */
export function examineNode(): Check {
  return checksOf('Node.js').ok(`${process.versions.node} on ${process.platform} ${process.arch}`);
}

/** Whether the address that people use, and what stands in front of the API, fit together. */
export function* examineAddress(config: Config): Generator<Check> {
  const { ok, warning } = checksOf('Address');
  const concerns = [...findOpenings(config), ...findProxyMistakes(config)];
  for (const [message, advice] of concerns) yield warning(message, advice);
  if (concerns.length === 0) yield ok('HOST, PUBLIC_URL and TRUST_PROXY fit together');
}

type Concern = readonly [message: string, advice: string];
const isHttps = (url: string | undefined) => url?.startsWith('https:') === true;

function* findOpenings({ HOST, PORT, PUBLIC_URL, DELIVERY_ALLOW_CIDRS }: Config): Generator<Concern> {
  if (!isLocal(urlAt(HOST, PORT)) && !isHttps(PUBLIC_URL))
    yield [
      `HOST=${HOST} opens the API to the network, without encryption`,
      'Put a proxy with TLS in front, listen on 127.0.0.1, and set PUBLIC_URL to its https address.',
    ];
  if (PUBLIC_URL && !isHttps(PUBLIC_URL) && !isLocal(PUBLIC_URL))
    yield [`keys and cookies go to ${PUBLIC_URL} without encryption`, 'Let PUBLIC_URL be https.'];
  if (DELIVERY_ALLOW_CIDRS.length > 0)
    yield [
      'DELIVERY_ALLOW_CIDRS lets endpoints be in ranges that the URL policy forbids',
      'Leave it empty, but for development and networks of your own.',
    ];
}

function* findProxyMistakes({ PUBLIC_URL, TRUST_PROXY, FRAME_ANCESTORS }: Config): Generator<Concern> {
  if (isHttps(PUBLIC_URL) && TRUST_PROXY.length === 0)
    yield [
      'PUBLIC_URL is https, so a proxy is in front; TRUST_PROXY is empty, so all callers seem to be that proxy',
      'Set TRUST_PROXY to the addresses of the proxy: rate limits and address ranges of keys need it.',
    ];
  // Two addresses far apart: only a range of about everything holds both.
  if (['1.1.1.1', '198.41.0.4'].every((address) => contains(TRUST_PROXY, address)))
    yield ['TRUST_PROXY believes everybody: callers can choose their address', 'Name your own proxies only.'];
  if (FRAME_ANCESTORS.length > 0 && !isHttps(PUBLIC_URL))
    yield [
      'FRAME_ANCESTORS is set, but browsers keep cookies in frames by https alone',
      'Set PUBLIC_URL to an https address.',
    ];
}

/** Bytes below which the disk is about to be full: PostgreSQL stops when it is. */
const lowBytes = 1024 ** 3;
const fullBytes = 100 * 1024 ** 2;

/** The folder of the embedded database: whose it is, and whether there is room. */
export async function* examineFolder({ DATABASE_URL, DATA_DIR }: Config): AsyncGenerator<Check> {
  const { ok, warning, failed, skipped } = checksOf('Data folder');
  const disk = checksOf('Disk');
  if (DATABASE_URL) {
    yield skipped('not needed: the database is at DATABASE_URL');
    yield disk.skipped('not checked: the disk of the database cannot be seen from here');
    return;
  }
  const folder = resolve(DATA_DIR);
  const existing = await findExisting(folder);
  try {
    await access(existing, constants.W_OK | constants.X_OK);
    if (existing !== folder) yield ok(`${folder} is made by the first start`);
    else if (await isOpenToOthers(folder))
      yield warning(`other users may look into ${folder}`, `chmod 700 ${folder}`);
    else yield ok(folder);
    if (await isOpenToOthers(join(folder, 'encryption.key')))
      yield failed(
        `other users can read ${join(folder, 'encryption.key')}`,
        `chmod 600 ${join(folder, 'encryption.key')}`,
      );
  } catch (error) {
    yield failed(
      `cannot write to ${existing}: ${describeError(error)}`,
      'Set DATA_DIR to a folder of the user that runs Bellhop.',
    );
  }
  const { bavail, bsize } = await statfs(existing);
  const free = `${((bavail * bsize) / lowBytes).toFixed(1)} GiB free for ${folder}`;
  if (bavail * bsize < fullBytes)
    yield disk.failed(free, 'Make room: PostgreSQL stops when the disk is full.');
  else if (bavail * bsize < lowBytes) yield disk.warning(free, 'Make room, or lower RETENTION_DAYS.');
  else yield disk.ok(free);
}

async function findExisting(folder: string): Promise<string> {
  const found = await stat(folder).catch(() => null);
  return found || dirname(folder) === folder ? folder : findExisting(dirname(folder));
}

/** false for what is not there. */
async function isOpenToOthers(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => null);
  return found !== null && (found.mode & 0o077) !== 0;
}
