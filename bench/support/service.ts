import { mkdtempSync, openSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { cpuSeconds, peakMemoryMb } from './cpu.ts';
import { nowMs } from './numbers.ts';
import { startNode } from './processes.ts';

/** The key of every service here. */
export const adminKey = 'bench-admin-key-bench-admin-key-bench-admin-key';

/** Bellhop as it is started in production, in a process of its own, with its log in a file. */
export type Service = {
  url: string;
  /** Milliseconds from the start of the process until it was ready. */
  readyMs: number;
  cpu(): Promise<number>;
  peakMemoryMb(): Promise<number>;
  stop(): Promise<void>;
};

const logs = mkdtempSync(join(tmpdir(), 'bellhop-bench-logs-'));
process.on('exit', () => rmSync(logs, { recursive: true }));
let lastLog = 0;

/** Milliseconds between two looks at the log. */
const lookMs = 5;

/**
 * Starts the built service on a database.
 * @param more environment, in place of the defaults.
 * @throws Error with its log when it ends instead.
 */
export async function startService(databaseUrl: string, more: Record<string, string> = {}): Promise<Service> {
  lastLog += 1;
  const log = join(logs, String(lastLog));
  const startedAt = nowMs();
  const output = openSync(log, 'a');
  const child = startNode('dist/main.js', {
    env: { ...environment, DATABASE_URL: databaseUrl, ...more },
    stdio: ['ignore', output, output],
  });
  for (;;) {
    const text = await readFile(log, 'utf8');
    const [, url] = /"url":"([^"]+)".*"msg":"ready"/.exec(text) ?? [];
    if (url) return { url, readyMs: nowMs() - startedAt, ...controls() };
    if (child.hasEnded()) throw new Error(`Bellhop ended before it was ready:\n${text}`);
    await wait(lookMs);
  }

  function controls() {
    return {
      cpu: () => cpuSeconds(child.pid),
      peakMemoryMb: () => peakMemoryMb(child.pid),
      stop: () => child.end(),
    };
  }
}

const environment = {
  PORT: '0',
  BELLHOP_ADMIN_KEY: adminKey,
  BELLHOP_ENCRYPTION_KEY: Buffer.alloc(32, 7).toString('base64'),
  DELIVERY_ALLOW_CIDRS: '127.0.0.0/8',
  // The bench sets up a thousand endpoints in one go.
  RATE_LIMIT_PER_MINUTE: '0',
  LOG_LEVEL: 'info',
};
