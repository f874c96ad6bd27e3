import { setFlagsFromString } from 'node:v8';
import { ConfigurationError, readConfig } from './config.ts';
import { logger } from './logger.ts';
import { type Service, startService } from './service.ts';

/** Milliseconds that a stop may take: a POST takes 2 s, the last requests 5 s. */
const stopLimitMs = 15_000;

/**
 * The heap is cleaned up when it is twice as large as what is alive in it, and not, as V8 would by itself, at four times
 * or more: with a backlog, a third less memory for no more CPU time.
 */
setFlagsFromString('--heap-growing-percent=100');

async function main(): Promise<void> {
  const config = readConfig();
  const starting = startService(config);
  // From the beginning: the first process of a container is not ended by a signal that it does not listen to.
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const)
    process.on(signal, () => void stopOnce(starting, signal));
  const service = await starting;
  if (service.firstKey) showFirstKey(service.firstKey);
  logger.info({ url: service.url, role: config.ROLE }, 'ready');
  await service.failed;
}

let isStopping = false;

/** A terminal and npm may both pass on the same Ctrl-C: the first one counts. What is just starting is stopped once it has. */
async function stopOnce(starting: Promise<Service>, signal: string): Promise<void> {
  if (isStopping) return;
  isStopping = true;
  logger.info({ signal }, 'stopping');
  setTimeout(() => fail(new Error('Stopping took too long.')), stopLimitMs);
  try {
    await (await starting).stop();
    logger.info('stopped');
    process.exit(0);
  } catch (error) {
    fail(error);
  }
}

function showFirstKey({ key, signInUrl }: { key: string; signInUrl: string }): void {
  process.stdout.write(
    `\nYour first API key, with the scope admin. It is shown this once:\n\n    ${key}\n\nThe page, opened once by this link within an hour (later: by the key):\n\n    ${signInUrl}\n\n`,
  );
}

/** The end of the process, with its cause for people to read. */
function fail(error: unknown): never {
  if (error instanceof ConfigurationError) process.stderr.write(`${error.message}\n`);
  else logger.fatal({ err: error }, 'Bellhop cannot go on');
  process.exit(1);
}

process.on('uncaughtException', fail);
process.on('unhandledRejection', fail);
await main().catch(fail);
