import type { Command } from './command.ts';
import type { Check } from './doctor/check.ts';
import { clean, type Output } from './output.ts';

/** `bellhop doctor` */
export const doctor: Command = {
  name: 'doctor',
  summary: 'Check everything that the service needs, in the environment that it is to have',
  details: `Changes nothing. With --url, the way out is tried: its name is looked up, and it gets one HEAD request, through the same
guard as deliveries. The exit code is 1 when a check failed; warnings do not count.`,
  options: {
    url: { value: 'URL', help: 'A receiver to try the way out with' },
    api: { value: 'URL', help: 'Where the service answers, should it run already (HOST and PORT)' },
  },
  examples: [
    'bellhop doctor',
    'node --env-file=.env node_modules/.bin/bellhop doctor --url https://booking.example.com/hooks/vr',
  ],
  async run(input, { output }) {
    const { examine } = await import('./doctor/examine.ts');
    const checks: Check[] = [];
    for await (const check of examine({ url: input.text('url'), api: input.text('api') })) {
      checks.push(check);
      if (!output.isJson) output.showNext(check, () => describe(output, check));
    }
    const failed = checks.filter(({ state }) => state === 'failed').length;
    const warnings = checks.filter(({ state }) => state === 'warning').length;
    const summary = `${failed} failed, ${warnings} ${warnings === 1 ? 'warning' : 'warnings'}`;
    output.show({ ok: failed === 0, checks }, () => `\n${summary}`);
    if (failed > 0) process.exitCode = 1;
  },
};

function describe(output: Output, { state, name, message, advice }: Check): string {
  const marks = {
    ok: output.paint('green', '✓'),
    warning: output.paint('yellow', '!'),
    failed: output.paint('red', '✗'),
    skipped: output.paint('dim', '-'),
  };
  const indent = '\n    ';
  const lines = message.split('\n').map(clean).join(indent);
  return `${marks[state]} ${output.paint('bold', name)}: ${lines}${advice ? `${indent}${clean(advice)}` : ''}`;
}
