import { defineConfig } from 'vitest/config';

/** Files that replace modules or count from nothing: each needs modules of its own. */
const alone = [
  'test/delivery/hostile-names.test.ts',
  'test/guarantees/{guarded,in-2-seconds,isolated}.test.ts',
  'test/metrics.test.ts',
];

const project = (test: { name: string; isolate: boolean; include: string[]; exclude?: string[] }) => ({
  // As `paths` in tsconfig.json: examples import the kit by its public name.
  resolve: { alias: { 'bellhop/receiver': new URL('src/kit/receiver.ts', import.meta.url).pathname } },
  // A real PostgreSQL and real processes share the machine with the tests: enough for a busy two-core one.
  test: { testTimeout: 30_000, hookTimeout: 60_000, ...test },
});

export default defineConfig({
  test: {
    globalSetup: ['test/support/build.ts', 'test/support/postgres.ts'],
    reporters: ['default', './test/support/totals.ts'],
    // More than there are cores: much of a test is waiting, for deadlines above all.
    maxWorkers: 3,
    projects: [
      // One file after the other in the same processes: loading the service takes longer than many a file.
      project({ name: 'shared', isolate: false, include: ['test/**/*.test.ts'], exclude: alone }),
      project({ name: 'alone', isolate: true, include: alone }),
    ],
  },
});
