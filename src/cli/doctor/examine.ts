import { type Config, ConfigurationError, readConfig } from '../../config.ts';
import { type Check, checksOf } from './check.ts';
import { examineDatabase } from './database.ts';
import { examineAddress, examineFolder, examineNode } from './machine.ts';
import { examineWayOut } from './way-out.ts';

/** What the command was given: a receiver to try, and where the service may answer. */
export type Wanted = { url: string | undefined; api: string | undefined };

/** Every check, one after the other. */
export async function* examine(wanted: Wanted): AsyncGenerator<Check, void> {
  yield examineNode();
  const configuration = checksOf('Configuration');
  const config = read();
  if (config instanceof ConfigurationError) {
    yield configuration.failed(config.message, 'Each variable is described in .env.example.');
    yield checksOf('Everything else').skipped('not checked: it depends on the configuration');
    return;
  }
  yield configuration.ok('no mistakes');
  yield* examineAddress(config);
  yield* examineFolder(config);
  yield* examineDatabase(config, wanted.api);
  yield* examineWayOut(config, wanted.url);
}

function read(): Config | ConfigurationError {
  try {
    return readConfig();
  } catch (error) {
    if (error instanceof ConfigurationError) return error;
    throw error;
  }
}
