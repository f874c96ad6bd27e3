import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** Builds the programs that tests run in processes of their own. */
export default async function setUp(): Promise<void> {
  await promisify(execFile)('npm', ['run', '--silent', 'build']);
}
