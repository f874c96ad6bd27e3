import { defineConfig } from 'vitest/config';

export default defineConfig({
  // As `paths` in tsconfig.json: examples import the kit by its public name.
  resolve: { alias: { 'bellhop/receiver': new URL('src/kit/receiver.ts', import.meta.url).pathname } },
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/build.ts', 'test/support/postgres.ts'],
    reporters: ['default', './test/support/totals.ts'],
    // A real PostgreSQL and real processes share the machine with the tests: enough for a busy two-core one.
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // More than there are cores: much of a test is waiting, for deadlines above all.
    maxWorkers: 3,
  },
});
