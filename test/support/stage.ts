import postgres from 'postgres';
import { onTestFinished } from 'vitest';
import { connect, type Database, disconnect } from '../../src/db/client.ts';
import { createTestDatabase } from './database.ts';
import { createLedger, type Ledger } from './ledger.ts';
import {
  type ServiceProcess,
  spawnService,
  startTestService,
  testEnvironment,
  type TestService,
} from './service.ts';

type Environment = Record<string, string>;

/** A database of a test's own, and services on it. Whatever was started ends with the test. */
export type Stage = {
  databaseUrl: string;
  /** The test's own connections, which no service knows of. */
  sql: postgres.Sql;
  ledger: Ledger;
  /** Starts a service in the process of the test. */
  start: (more?: Environment) => Promise<TestService>;
  /** Starts a service in a process of its own. */
  spawn: (more?: Environment) => Promise<ServiceProcess>;
};

/**
 * @example
 * const { spawn, ledger } = await setStage();
 * const service = await spawn();
 * await service.end('SIGKILL');
 */
export async function setStage(): Promise<Stage> {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  const sql = postgres(database.url, { max: 4, onnotice: () => {} });
  onTestFinished(() => sql.end());
  return {
    databaseUrl: database.url,
    sql,
    ledger: createLedger(sql),
    async start(more = {}) {
      return running(startTestService({ DATABASE_URL: database.url, ...more }));
    },
    async spawn(more = {}) {
      const service = await spawnService(testEnvironment(database.url, more));
      onTestFinished(async () => {
        await service.end('SIGKILL');
      });
      return service;
    },
  };
}

/** The service's own kind of connections to a test's database, of which no service knows. */
export async function connectTo({ databaseUrl }: Stage, { max = 1 } = {}): Promise<Database> {
  const db = connect(databaseUrl, { max });
  await running(Promise.resolve({ stop: () => disconnect(db) }));
  return db;
}

/** Stops something when the test is over: `const receiver = await running(startReceiver())`. */
export async function running<T extends { stop: () => Promise<unknown> }>(started: Promise<T>): Promise<T> {
  const thing = await started;
  onTestFinished(async () => {
    await thing.stop();
  });
  return thing;
}
