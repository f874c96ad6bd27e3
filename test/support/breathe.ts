import { setTimeout as delay } from 'node:timers/promises';

/** Milliseconds between two requests of a caller: a load that leaves the machine to what is tested, and to other tests. */
const breathMs = 10;

/** Called by whoever hands over one request after the other. */
export async function breathe(): Promise<void> {
  await delay(breathMs);
}
