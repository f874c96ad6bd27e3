import { vi } from 'vitest';
import type * as resolve from '../../src/delivery/resolve.ts';
import type { NameServer } from '../delivery/name-server.ts';

/**
 * Stands in for `src/delivery/resolve.ts` in the services of a test file: the same resolver, asking a name server of the
 * test. It must not import anything that leads to the original.
 * @example vi.mock('../../src/delivery/resolve.ts', () => import('./own-resolver.ts'));
 */
const { createResolver: create } = await vi.importActual<typeof resolve>('../../src/delivery/resolve.ts');
const servers: string[] = [];

export const createResolver: typeof create = (options) => create({ ...options, servers });

/** Services that are started from now on ask this name server. */
export function ask({ address }: NameServer): void {
  servers.splice(0, 1, address);
}
