import type { Command } from './command.ts';

/** `bellhop demo`: the process of `npm run demo`. */
export const demo: Command = {
  name: 'demo',
  summary: 'Show the service at work on an empty database, until Ctrl-C',
  options: {},
  examples: ['bellhop demo'],
  run: async () => void (await import('../demo.ts')),
};
