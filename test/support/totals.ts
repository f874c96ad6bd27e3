import type { Reporter, TestModule } from 'vitest/node';

/** Ends a run with the plain line `N passed, N failed`. What fails outside a test, such as an import, counts as one. */
export default class Totals implements Reporter {
  private passed = 0;
  private failed = 0;

  onInit(): void {
    process.once('exit', (code) => {
      // A failed set-up of the whole run reaches no module.
      const failed = code === 0 ? this.failed : Math.max(this.failed, 1);
      process.stdout.write(`${this.passed} passed, ${failed} failed\n`);
    });
  }

  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    const states = modules.flatMap((module) =>
      [...module.children.allTests()].map((test) => test.result().state),
    );
    this.passed = states.filter((state) => state === 'passed').length;
    this.failed =
      errors.length +
      states.filter((state) => state === 'failed').length +
      modules.filter(failsOutsideTests).length;
  }
}

function failsOutsideTests(module: TestModule): boolean {
  return module.state() === 'failed' && [...module.children.allTests('failed')].length === 0;
}
