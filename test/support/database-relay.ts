import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** A way to a database that a test can disturb: as if the server or the network had a fault, for whoever goes this way. */
export type DatabaseRelay = {
  /** The database's URL by this way. */
  url: string;
  /** Ends every connection and refuses new ones. */
  cut: () => Promise<void>;
  /** Accepts connections again. */
  restore: () => Promise<void>;
  /** Lets nothing through any more, without a word: connections stay open, new ones are accepted. */
  stall: () => void;
  /** Lets everything through again, what waited first. */
  flow: () => void;
  /** Holds every piece up for so many milliseconds, in both directions. */
  slowDown: (ms: number) => void;
  /** Leads new connections to this database from now on. */
  pointTo: (databaseUrl: string) => void;
  /**
   * Ends the connection on which a request with this text comes next: before it reaches the database, or after the
   * database has carried it out, in place of its answer. @returns resolves when that has happened.
   */
  loseNext: (text: string, what: 'request' | 'answer') => Promise<void>;
  stop: () => Promise<void>;
};

type Loss = { text: string; what: 'request' | 'answer'; done: () => void };

/** @example const relay = await startDatabaseRelay(databaseUrl); await relay.cut(); await relay.restore(); */
export async function startDatabaseRelay(databaseUrl: string): Promise<DatabaseRelay> {
  const open = new Set<Socket>();
  const stalled: (() => void)[] = [];
  const state: { target: string; isStalled: boolean; delayMs: number; loss: Loss | null } = {
    target: databaseUrl,
    isStalled: false,
    delayMs: 0,
    loss: null,
  };

  async function mayPass(): Promise<void> {
    while (state.isStalled) await new Promise<void>((resolve) => stalled.push(resolve));
    if (state.delayMs > 0) await delay(state.delayMs);
  }

  function relay(client: Socket): void {
    const database = connectTo(state.target);
    open.add(client);
    const end = () => {
      client.destroy();
      database.destroy();
      open.delete(client);
    };
    for (const socket of [client, database]) socket.on('error', () => {}).once('close', end);
    let losing: Loss | null = null;
    const requests = async () => {
      for await (const piece of client) {
        await mayPass();
        if (state.loss && String(piece).includes(state.loss.text)) {
          losing = state.loss;
          state.loss = null;
          if (losing.what === 'request') return lose(losing);
        }
        database.write(piece);
      }
    };
    const answers = async () => {
      for await (const piece of database) {
        await mayPass();
        if (losing) return lose(losing);
        client.write(piece);
      }
    };
    const lose = ({ done }: Loss) => {
      end();
      done();
    };
    for (const pass of [requests, answers]) pass().then(end, end);
  }

  const server = createServer(relay);
  const listen = async (port: number) => {
    if (server.listening) return;
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
  };
  await listen(0);
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const flow = () => {
    state.isStalled = false;
    for (const go of stalled.splice(0)) go();
  };
  const cut = async () => {
    if (!server.listening) return;
    const closed = once(server, 'close');
    server.close();
    for (const client of open) client.destroy();
    await closed;
  };
  const url = new URL(databaseUrl);
  url.host = `127.0.0.1:${port}`;
  return {
    url: url.href,
    cut,
    restore: () => listen(port),
    stall: () => {
      state.isStalled = true;
    },
    flow,
    slowDown: (ms) => {
      state.delayMs = ms;
    },
    pointTo: (target) => {
      state.target = target;
    },
    loseNext: (text, what) =>
      new Promise((done) => {
        state.loss = { text, what, done };
      }),
    stop: async () => {
      flow();
      await cut();
    },
  };
}

function connectTo(databaseUrl: string): Socket {
  const { hostname, port } = new URL(databaseUrl);
  const host = decodeURIComponent(hostname);
  const number = Number(port || 5432);
  return host.startsWith('/') ? connect(`${host}/.s.PGSQL.${number}`) : connect(number, host);
}
