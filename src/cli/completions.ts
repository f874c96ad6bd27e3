import type { Command, Option } from './command.ts';
import { commonOptions } from './command.ts';
import { UsageError } from './errors.ts';

const shells: Record<string, (commands: Command[]) => string> = { bash: forBash, zsh: forZsh, fish: forFish };

/** `bellhop completions`, of all commands. */
export function completions(commands: Command[]): Command {
  return {
    name: 'completions',
    summary: 'Print completions for bash, zsh or fish',
    operand: 'SHELL',
    options: {},
    examples: [
      'source <(bellhop completions bash)',
      'bellhop completions zsh > "${fpath[1]}/_bellhop"',
      'bellhop completions fish > ~/.config/fish/completions/bellhop.fish',
    ],
    async run(input, { output }) {
      const write = shells[input.needOperand()];
      if (!write) throw new UsageError('Completions are there for bash, zsh and fish.');
      const script = write(commands);
      output.show({ script }, () => script.trimEnd());
    },
  };
}

/** What may come next behind each sequence of words. */
type Node = { words: string; next: { word: string; summary: string }[]; options: [string, Option][] };

function listNodes(commands: Command[]): Node[] {
  const groups = new Set([
    '',
    ...commands.flatMap(({ name }) => [name, name.split(' ').slice(0, -1).join(' ')]),
  ]);
  return [...groups].map((words) => {
    const command = commands.find(({ name }) => name === words);
    return { words, next: listNext(commands, words), options: command ? optionsOf(command) : [] };
  });
}

function optionsOf({ options }: Command): [string, Option][] {
  return Object.entries({ ...options, ...commonOptions });
}

function listNext(commands: Command[], words: string): Node['next'] {
  if (words === 'completions') return Object.keys(shells).map((word) => ({ word, summary: '' }));
  const prefix = words === '' ? '' : `${words} `;
  const below = commands.filter(({ name }) => name.startsWith(prefix) && name !== words);
  const next = new Map<string, string>();
  for (const { name, summary } of below) {
    const [word = '', ...more] = name.slice(prefix.length).split(' ');
    const own = below.filter((other) => other.name.startsWith(`${prefix}${word} `));
    const ofGroup = own.map((other) => other.name.slice(prefix.length + word.length + 1)).join(', ');
    next.set(word, next.get(word) ?? (more.length === 0 ? summary : ofGroup));
  }
  return [...next].map(([word, summary]) => ({ word, summary }));
}

/** Options whose value is one of a few, in any command. */
function listChoices(node: Node): { name: string; choices: readonly string[] }[] {
  return node.options.flatMap(([name, { choices }]) => (choices ? [{ name, choices }] : []));
}

/** Options whose value is a file, in any command. */
const fileOptions = ['--file', '--key-file'];

function forBash(commands: Command[]): string {
  const nodes = listNodes(commands);
  const next = nodes.map(({ words, next: following, options }) => {
    const below = following.map(({ word }) => word).join(' ');
    const names = options.map(([name]) => `--${name}`).join(' ');
    return `    ${quote(words)}) below=${quote(below)} options=${quote(names)} ;;`;
  });
  const values = nodes.flatMap((node) =>
    listChoices(node).map(
      ({ name, choices }) =>
        `    ${quote(`${node.words} --${name}`)}) candidates=${quote(choices.join(' '))} ;;`,
    ),
  );
  return `# bash completions of bellhop
_bellhop() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} words='' word
  local below='' options='' candidates=''
  COMPREPLY=()
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "\${words:+$words }$word" in
      ${commandPaths(nodes)}) words=\${words:+$words }$word ;;
    esac
  done
  case $previous in
    ${fileOptions.join('|')}) COMPREPLY=($(compgen -f -- "$current")); return ;;
  esac
  case "$words $previous" in
${values.join('\n')}
  esac
  case $words in
${next.join('\n')}
  esac
  [[ -n $candidates ]] || candidates=$below
  [[ -n $candidates && $current != -* ]] || candidates=$options
  COMPREPLY=($(compgen -W "$candidates" -- "$current"))
}
complete -F _bellhop bellhop
`;
}

function commandPaths(nodes: Node[]): string {
  return nodes
    .filter(({ words }) => words !== '')
    .map(({ words }) => quote(words))
    .join('|');
}

function forZsh(commands: Command[]): string {
  const nodes = listNodes(commands);
  const next = nodes.map(({ words, next: following, options }) => {
    const candidates = [
      ...following.map(({ word, summary }) => describe(word, summary)),
      ...options.map(([name, { help }]) => describe(`--${name}`, help)),
    ];
    return `    ${quote(words)}) candidates=(${candidates.join(' ')}) ;;`;
  });
  const values = nodes.flatMap((node) =>
    listChoices(node).map(
      ({ name, choices }) =>
        `    ${quote(`${node.words} --${name}`)}) compadd -- ${choices.join(' ')}; return ;;`,
    ),
  );
  return `#compdef bellhop
_bellhop() {
  local path_words='' word
  local -a candidates
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case "\${path_words:+$path_words }$word" in
      ${commandPaths(nodes)}) path_words="\${path_words:+$path_words }$word" ;;
    esac
  done
  case "\${words[CURRENT-1]}" in
    ${fileOptions.join('|')}) _files; return ;;
  esac
  case "$path_words \${words[CURRENT-1]}" in
${values.join('\n')}
  esac
  case "$path_words" in
${next.join('\n')}
  esac
  _describe 'bellhop' candidates
}
if [ "$funcstack[1]" = _bellhop ]; then _bellhop; else compdef _bellhop bellhop; fi
`;
}

function describe(word: string, summary: string): string {
  return quote(`${word.replaceAll(':', '\\:')}:${summary}`);
}

function forFish(commands: Command[]): string {
  const nodes = listNodes(commands);
  const lines = nodes.flatMap(({ words, next, options }) => {
    const here = `-n ${quote(`__bellhop_at ${words}`.trim())}`;
    return [
      ...next.map(
        ({ word, summary }) => `complete -c bellhop ${here} -a ${quote(word)} -d ${quote(summary)}`,
      ),
      ...options.map(
        ([name, option]) =>
          `complete -c bellhop ${here} -l ${name}${fishValue(name, option)} -d ${quote(option.help)}`,
      ),
    ];
  });
  return `# fish completions of bellhop
function __bellhop_at
  set -l at
  for word in (commandline -opc)[2..-1]
    contains -- (string join ' ' $at $word) ${nodes
      .filter(({ words }) => words !== '')
      .map(({ words }) => quote(words))
      .join(' ')}
    and set -a at $word
  end
  test "$at" = "$argv"
end
complete -c bellhop -f
${lines.join('\n')}
`;
}

function fishValue(name: string, { value, choices, short }: Option): string {
  const letter = short ? ` -s ${short}` : '';
  if (choices) return `${letter} -x -a ${quote(choices.join(' '))}`;
  if (fileOptions.includes(`--${name}`)) return `${letter} -r -F`;
  return value ? `${letter} -x` : letter;
}

/** As all three shells read it; fish alone minds a backslash. */
function quote(text: string): string {
  return `'${text.replaceAll("'", '’')}'`;
}
