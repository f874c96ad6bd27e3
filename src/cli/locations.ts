import { locationSchema, pageOf } from './answers.ts';
import { connectionOptions, openApi, path } from './connection.ts';
import type { Command } from './command.ts';
import { confirm, confirmOptions } from './confirm.ts';
import { clean } from './output.ts';
import { readPages } from './pages.ts';
import { table } from './table.ts';

/** `bellhop locations ...` */
export const locations: Command[] = [
  {
    name: 'locations list',
    summary: 'The locations',
    options: {
      query: { value: 'WORD', help: 'Only those whose id or title holds it' },
      ...connectionOptions,
    },
    examples: ['bellhop locations list', 'bellhop locations list --query kamen'],
    async run(input, terminal) {
      const api = await openApi(input, terminal);
      const query = { q: input.text('query') };
      const page = await readPages(api, { target: '/v1/locations', query }, pageOf(locationSchema));
      terminal.output.show(page, () =>
        page.items.length > 0
          ? table(
              ['ID', 'TITLE'],
              page.items.map(({ id, title }) => [id, title]),
            )
          : 'No locations.',
      );
    },
  },
  {
    name: 'locations put',
    summary: 'Make a location, or change its title',
    operand: 'LOCATION_ID',
    options: { title: { value: 'TITLE', help: 'What people read' }, ...connectionOptions },
    examples: ["bellhop locations put kamen-test --title 'Kamen Test'"],
    async run(input, terminal) {
      const [id, title] = [input.needOperand(), input.need('title')];
      const api = await openApi(input, terminal);
      const location = await api.put(path`/v1/locations/${id}`, locationSchema, { title });
      terminal.output.show(location, () => `${clean(location.id)}  ${clean(location.title)}`);
    },
  },
  {
    name: 'locations delete',
    summary: 'Delete a location; what its endpoints were still to be sent is skipped',
    operand: 'LOCATION_ID',
    options: { ...confirmOptions, ...connectionOptions },
    examples: ['bellhop locations delete kamen-test --yes'],
    async run(input, terminal) {
      const id = input.needOperand();
      const api = await openApi(input, terminal);
      await confirm(input, `Delete the location ${clean(id)} with its endpoints?`);
      await api.delete(path`/v1/locations/${id}`);
      terminal.output.show({ deleted: id }, () => `Deleted ${clean(id)}.`);
    },
  },
];
