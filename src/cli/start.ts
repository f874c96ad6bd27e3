import type { Command } from './command.ts';

/** `bellhop start`: the process of `npm start`. */
export const start: Command = {
  name: 'start',
  summary: 'Run the service until Ctrl-C; its log is JSON lines',
  details:
    'The environment configures it: see .env.example. Unless DATABASE_URL is set, data is kept in DATA_DIR (./data).',
  options: {},
  examples: ['bellhop start', 'PORT=9000 DATA_DIR=/srv/bellhop bellhop start'],
  run: async () => void (await import('../main.ts')),
};
