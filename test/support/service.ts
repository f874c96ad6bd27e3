import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { readConfig } from '../../src/config.ts';
import { type Service, startService } from '../../src/service.ts';
import { createApi, type Api } from './api.ts';
import { createTestDatabase } from './database.ts';

type Environment = Record<string, string>;

/** The admin key of every service in tests. */
export const adminKey = 'test-admin-key-test-admin-key-test-admin-key';

/** The environment of a service that may send to receivers on this machine. */
export function testEnvironment(databaseUrl: string, more: Environment = {}): Environment {
  return {
    DATABASE_URL: databaseUrl,
    PORT: '0',
    BELLHOP_ADMIN_KEY: adminKey,
    BELLHOP_ENCRYPTION_KEY: Buffer.alloc(32, 7).toString('base64'),
    DELIVERY_ALLOW_CIDRS: '127.0.0.0/8',
    // Tests send more in a minute than a person or a program would.
    RATE_LIMIT_PER_MINUTE: '0',
    LOG_LEVEL: 'silent',
    ...more,
  };
}

/** A service in the process of the test, with its own database unless `DATABASE_URL` names one. */
export type TestService = { url: string; api: Api; databaseUrl: string; stop: () => Promise<void> };

/** The least: a test needs few at once, and each costs PostgreSQL a process. */
const fewConnections = { DATABASE_MAX_CONNECTIONS: '6' };

/**
 * Starts the whole service in this process.
 * @example const service = await startTestService(); await service.api.put('/v1/locations/a', { title: 'A' });
 */
export async function startTestService(more: Environment = {}): Promise<TestService> {
  const database = more['DATABASE_URL'] ? null : await createTestDatabase();
  const databaseUrl = database?.url ?? more['DATABASE_URL'] ?? '';
  const service: Service = await startService(
    readConfig(testEnvironment(databaseUrl, { ...fewConnections, ...more })),
  );
  return {
    url: service.url,
    api: createApi(service.url, adminKey),
    databaseUrl,
    async stop() {
      await service.stop();
      await database?.drop();
    },
  };
}

/** A service in a process of its own, which a test may kill. */
export type ServiceProcess = {
  url: string;
  api: Api;
  child: ChildProcess;
  /** Everything it has logged so far, a JSON line each. */
  log: string[];
  /** Sends a signal and waits for the end. @returns the exit code, or the signal that ended it. */
  end: (signal: NodeJS.Signals) => Promise<number | NodeJS.Signals>;
};

/**
 * Starts the built service in a process of its own, and waits until it is ready.
 * @param options.detached whether a Ctrl-C at the terminal passes it by.
 * @throws Error with what it printed when it ends instead.
 */
export async function spawnService(
  environment: Environment,
  { detached = false } = {},
): Promise<ServiceProcess> {
  const child = spawn(process.execPath, ['dist/main.js'], {
    env: {
      PATH: process.env['PATH'] ?? '',
      TMPDIR: process.env['TMPDIR'] ?? '/tmp',
      ...environment,
      LOG_LEVEL: environment['LOG_LEVEL'] === 'trace' ? 'trace' : 'info',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached,
  });
  const log: string[] = [];
  const exited = once(child, 'exit');
  const url = await readUrl(child, log, exited);
  return {
    url,
    api: createApi(url, environment['BELLHOP_ADMIN_KEY'] ?? adminKey),
    child,
    log,
    async end(signal) {
      child.kill(signal);
      const [code, endedBy]: (number | NodeJS.Signals)[] = await exited;
      return code ?? endedBy ?? signal;
    },
  };
}

async function readUrl(child: ChildProcess, log: string[], exited: Promise<unknown>): Promise<string> {
  if (!child.stdout || !child.stderr) throw new Error('The process has no output.');
  child.stderr.on('data', (chunk: Buffer) => log.push(chunk.toString()));
  const ready = new Promise<string>((resolve) => {
    if (!child.stdout) return;
    createInterface({ input: child.stdout }).on('line', (line) => {
      log.push(line);
      const [, url] = /"url":"([^"]+)".*"msg":"ready"/.exec(line) ?? [];
      if (url) resolve(url);
    });
  });
  const ended = exited.then(() => {
    throw new Error(`The service ended before it was ready:\n${log.join('\n')}`);
  });
  return Promise.race([ready, ended]);
}

/** A location id that no other test uses. */
export function newLocationId(): string {
  return `venue-${randomBytes(4).toString('hex')}`;
}
