import { chown, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findBinaries } from '../../src/db/embedded-binaries.ts';
import { chooseUser, pathFor, prepareData } from '../../src/db/embedded-data.ts';
import { supervise } from '../../src/db/supervise.ts';
import { certificate, privateKey } from '../delivery/certificate.ts';
import { findFreePort } from './free-port.ts';

/** A PostgreSQL that takes connections by TLS only, on 127.0.0.1. */
export type TlsPostgres = {
  /** Without an `sslmode`. */
  url: string;
  /** The file that holds its certificate, which is for 127.0.0.1 and not for `localhost`, and which nobody signed. */
  certificateFile: string;
  stop: () => Promise<void>;
};

/** @example const server = await running(startTlsPostgres()); connect(`${server.url}?sslmode=require`, { max: 1 }); */
export async function startTlsPostgres(): Promise<TlsPostgres> {
  const parent = await mkdtemp(join(tmpdir(), 'bellhop-tls-'));
  const folder = join(parent, 'postgres');
  const user = await chooseUser(folder);
  const binaries = await findBinaries(user);
  await prepareData(folder, { user, binaries, fsync: false });
  for (const [name, text] of Object.entries({
    'server.crt': certificate,
    'server.key': privateKey,
    'pg_hba.conf': 'hostssl all all 127.0.0.1/32 trust\n',
  })) {
    await writeFile(join(folder, name), text, { mode: 0o600 });
    if (user) await chown(join(folder, name), user.uid, user.gid);
  }
  const certificateFile = join(parent, 'certificate.pem');
  await writeFile(certificateFile, certificate);
  const port = await findFreePort();
  const options = [
    `port=${port}`,
    'listen_addresses=127.0.0.1',
    'unix_socket_directories=',
    'ssl=on',
    'fsync=off',
  ];
  const server = supervise(
    [binaries.postgres, '-D', pathFor(user, folder), ...options.flatMap((option) => ['-c', option])],
    { user, cwd: folder, signal: 'INT' },
  );
  const failed = await Promise.race([server.logged('ready to accept connections'), server.exited]);
  if (failed) throw new Error(`PostgreSQL did not start:\n${failed.log}`);
  return {
    url: `postgres://postgres@127.0.0.1:${port}/postgres`,
    certificateFile,
    async stop() {
      server.release();
      await server.exited;
      await rm(parent, { recursive: true, force: true });
    },
  };
}
