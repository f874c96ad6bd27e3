import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** A way to a database that a test can cut: as if the server were gone, for whoever goes this way. */
export type DatabaseRelay = {
  /** The database's URL by this way. */
  url: string;
  /** Ends every connection and refuses new ones. */
  cut: () => Promise<void>;
  /** Accepts connections again. */
  restore: () => Promise<void>;
  stop: () => Promise<void>;
};

/** @example const relay = await startDatabaseRelay(databaseUrl); await relay.cut(); await relay.restore(); */
export async function startDatabaseRelay(databaseUrl: string): Promise<DatabaseRelay> {
  const open = new Set<Socket>();
  const server = createServer((client) => {
    const database = connectTo(databaseUrl);
    open.add(client);
    client.on('error', () => {}).once('close', () => database.destroy());
    database.on('error', () => {}).once('close', () => client.destroy());
    client.once('close', () => open.delete(client));
    client.pipe(database).pipe(client);
  });
  const listen = async (port: number) => {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
  };
  await listen(0);
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const cut = async () => {
    if (!server.listening) return;
    const closed = once(server, 'close');
    server.close();
    for (const client of open) client.destroy();
    await closed;
  };
  const url = new URL(databaseUrl);
  url.host = `127.0.0.1:${port}`;
  return { url: url.href, cut, restore: () => listen(port), stop: cut };
}

function connectTo(databaseUrl: string): Socket {
  const { hostname, port } = new URL(databaseUrl);
  const host = decodeURIComponent(hostname);
  const number = Number(port || 5432);
  return host.startsWith('/') ? connect(`${host}/.s.PGSQL.${number}`) : connect(number, host);
}
