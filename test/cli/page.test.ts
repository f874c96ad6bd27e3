import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { Input } from '../../src/cli/command.ts';
import { commands } from '../../src/cli/commands.ts';
import { connectionOptions } from '../../src/cli/connection.ts';
import { findCommand } from '../../src/cli/find-command.ts';
import { usageOf } from '../../src/cli/help.ts';

/** The sections of docs/cli.md that are about a command, by their headings. */
async function readSections(): Promise<Map<string, string>> {
  const page = await readFile('docs/cli.md', 'utf8');
  const sections = page.split(/^(?=##+ )/m).map((section): [string, string] => {
    const [, usage = ''] = /^### `(.*)`\n/.exec(section) ?? [];
    return [usage, section];
  });
  return new Map(sections.filter(([usage]) => usage !== ''));
}

it('docs/cli.md has a section for each command, with every option of its own, and for nothing else', async () => {
  const sections = await readSections();
  const usages = commands.map((command) => usageOf(command).replace(' [OPTIONS]', ''));
  expect([...sections.keys()].toSorted()).toEqual(usages.toSorted());
  for (const command of commands) {
    const section = sections.get(usageOf(command).replace(' [OPTIONS]', '')) ?? '';
    const own = Object.keys(command.options).filter((name) => !(name in connectionOptions));
    const missing = own.filter((name) => !section.includes(`--${name}`));
    expect({ command: command.name, missing }).toEqual({ command: command.name, missing: [] });
  }
});

it('each command line of docs/cli.md is one that the command takes', async () => {
  const page = await readFile('docs/cli.md', 'utf8');
  const lines = [...page.matchAll(/^(?:source <\()?bellhop ([^\n#>)]*)/gm)].map(([, words = '']) =>
    words.trim(),
  );
  expect(lines.length).toBeGreaterThan(10);
  for (const line of lines) {
    const args = [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '');
    const found = findCommand(commands, args);
    if (found.kind !== 'command') throw new Error(`No command: ${line}`);
    expect(() => new Input(found.command, found.args)).not.toThrow();
  }
});
