import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { startDatabaseRelay } from '../support/database-relay.ts';
import { startOwnPostgres } from '../support/own-postgres.ts';
import { type ServiceProcess, spawnService, testEnvironment } from '../support/service.ts';

/** A process of Bellhop that is started again whenever it ends. */
export type Slot = {
  name: string;
  role: 'api' | 'dispatcher';
  process: ServiceProcess | null;
  /** Ends it, and starts another one. @returns how it ended. */
  restart: (signal: NodeJS.Signals) => Promise<number | NodeJS.Signals>;
};

/** A PostgreSQL of our own, a way to it that can be disturbed, and processes of Bellhop that go this way. */
export type World = Awaited<ReturnType<typeof createWorld>>;

/** @param fail is told what must not happen. */
export async function createWorld(fail: (violation: string) => void) {
  const folder = await mkdtemp(join(tmpdir(), 'bellhop-soak-'));
  const database = await startOwnPostgres(join(folder, 'data'));
  const relay = await startDatabaseRelay(database.url());
  const slots: Slot[] = [];
  const state = { isOver: false };

  /** Once at a time: a fault and the healing of all may both want it. */
  const launching = new Map<Slot, Promise<void>>();
  function launch(slot: Slot): Promise<void> {
    const begun = launching.get(slot) ?? launchOnce(slot).finally(() => launching.delete(slot));
    launching.set(slot, begun);
    return begun;
  }

  async function launchOnce(slot: Slot): Promise<void> {
    while (!state.isOver && !slot.process) {
      // A process that finds no database does not start: whoever supervises it tries again.
      const environment = testEnvironment(relay.url, { ROLE: slot.role });
      const started = await spawnService(environment, { detached: true }).catch(() => null);
      if (started) {
        slot.process = started;
        started.child.once('exit', (code, signal) => {
          if (slot.process !== started) return;
          fail(`${slot.name} ended by itself (${signal ?? code}):\n${started.log.slice(-5).join('\n')}`);
          slot.process = null;
        });
      } else await delay(retryMs);
    }
  }

  async function end(slot: Slot, signal: NodeJS.Signals) {
    const ending = slot.process;
    slot.process = null;
    if (!ending) return 0;
    const how = await ending.end(signal);
    if (signal === 'SIGTERM' && how !== 0)
      fail(`${slot.name} was told to stop and ended with ${how}:\n${ending.log.slice(-5).join('\n')}`);
    return how;
  }

  return {
    relay,
    database,
    slots,
    async addSlot(role: Slot['role']): Promise<void> {
      const slot: Slot = {
        name: `${role} ${slots.length + 1}`,
        role,
        process: null,
        async restart(signal) {
          const how = await end(slot, signal);
          await launch(slot);
          return how;
        },
      };
      slots.push(slot);
      await launch(slot);
    },
    /** Ends whatever fault is there, and starts what is not running. */
    async heal(): Promise<void> {
      relay.flow();
      relay.slowDown(0);
      await relay.restore();
      for (const slot of slots) slot.process?.child.kill('SIGCONT');
      await Promise.all(slots.map((slot) => launch(slot)));
    },
    /** Resident memory of each process that runs, in MB. */
    async memoryMb(): Promise<number[]> {
      const pids = slots.flatMap(({ process }) => process?.child.pid ?? []);
      if (pids.length === 0) return [];
      const listed = await promisify(execFile)('ps', ['-o', 'rss=', '-p', pids.join(',')]).catch(() => null);
      return (listed?.stdout ?? '')
        .split('\n')
        .filter(Boolean)
        .map((kb) => Number(kb) / 1024);
    },
    /** Tells every process to stop, and expects that it does. */
    async stopProcesses(): Promise<void> {
      state.isOver = true;
      await Promise.all(slots.map((slot) => end(slot, 'SIGTERM')));
    },
    async stop(): Promise<void> {
      state.isOver = true;
      await Promise.all(slots.map((slot) => end(slot, 'SIGKILL')));
      await relay.stop();
      await database.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Milliseconds between two tries to start what did not start. */
const retryMs = 200;
