import type { z } from 'zod';
import { deliverySchema, endpointSchema, pageOf, secretEndpointSchema } from './answers.ts';
import { connectionOptions, openApi, path } from './connection.ts';
import type { Command, Input, Options } from './command.ts';
import { confirm, confirmOptions } from './confirm.ts';
import { describeDelivery } from './delivery-text.ts';
import { UsageError } from './errors.ts';
import { clean } from './output.ts';
import { readPages } from './pages.ts';
import { table } from './table.ts';

const locationOptions: Options = { location: { value: 'ID', help: 'The location' } };
const actions = ['create', 'delete'];

/** `bellhop endpoints ...` */
export const endpoints: Command[] = [
  {
    name: 'endpoints list',
    summary: 'The endpoints of a location, and how they are doing',
    options: { ...locationOptions, ...connectionOptions },
    examples: ['bellhop endpoints list --location kamen-test'],
    async run(input, terminal) {
      const target = path`/v1/locations/${input.need('location')}/endpoints`;
      const page = await readPages(await openApi(input, terminal), { target }, pageOf(endpointSchema));
      terminal.output.show(page, () =>
        page.items.length > 0 ? table(heads, page.items.map(toRow)) : 'No endpoints.',
      );
    },
  },
  {
    name: 'endpoints create',
    summary: 'Add an endpoint; its signing secret is shown this once',
    options: {
      ...locationOptions,
      url: { value: 'URL', help: 'Where its deliveries go' },
      description: { value: 'TEXT', help: 'For people' },
      action: { value: 'ACTIONS', help: 'Which events it is sent (all)', choices: actions, multiple: true },
      header: { value: 'NAME:VALUE', help: 'A header of its own', multiple: true },
      ...connectionOptions,
    },
    examples: ['bellhop endpoints create --location kamen-test --url https://booking.example.com/hooks/vr'],
    async run(input, terminal) {
      const target = path`/v1/locations/${input.need('location')}/endpoints`;
      const wanted = {
        url: input.need('url'),
        description: input.text('description') ?? '',
        actions: input.list('action') ?? null,
        headers: readHeaders(input),
      };
      const endpoint = await (await openApi(input, terminal)).post(target, secretEndpointSchema, wanted);
      for (const warning of endpoint.warnings) terminal.output.note(`Warning: ${clean(warning)}`);
      terminal.output.note(`Made the endpoint ${endpoint.id}. Its signing secret is shown this once:`);
      terminal.output.show(endpoint, () => endpoint.secret);
    },
  },
  {
    name: 'endpoints test',
    summary: 'Send a sample event on the real path, and tell how it went',
    operand: 'ENDPOINT_ID',
    options: {
      ...locationOptions,
      action: { value: 'ACTION', help: 'What the sample says (create)', choices: actions },
      ...connectionOptions,
    },
    examples: ['bellhop endpoints test 01a20523-40cb-706d-b048-683585633a2e --location kamen-test'],
    async run(input, terminal) {
      const [location, id] = [input.need('location'), input.needOperand()];
      const api = await openApi(input, terminal);
      const target = path`/v1/locations/${location}/endpoints/${id}/test`;
      const delivery = await api.post(target, deliverySchema, { action: input.text('action') });
      terminal.output.show(delivery, () => describeDelivery(terminal.output, delivery));
      if (delivery.outcome !== 'delivered') process.exitCode = 1;
    },
  },
  {
    name: 'endpoints rotate-secret',
    summary: 'Make a new signing secret, which is shown this once',
    operand: 'ENDPOINT_ID',
    options: {
      ...locationOptions,
      overlap: { value: 'HOURS', help: 'How long the one before signs as well (24)' },
      ...confirmOptions,
      ...connectionOptions,
    },
    examples: [
      'bellhop endpoints rotate-secret 01a20523-40cb-706d-b048-683585633a2e --location kamen-test --overlap 48',
    ],
    async run(input, terminal) {
      const [location, id] = [input.need('location'), input.needOperand()];
      const overlapHours = input.whole('overlap');
      const api = await openApi(input, terminal);
      await confirm(input, `Make a new secret for the endpoint ${clean(id)}?`);
      const target = path`/v1/locations/${location}/endpoints/${id}/rotate-secret`;
      const endpoint = await api.post(target, secretEndpointSchema, { overlapHours });
      terminal.output.note('The new signing secret is shown this once:');
      terminal.output.show(endpoint, () => endpoint.secret);
    },
  },
  {
    name: 'endpoints delete',
    summary: 'Delete an endpoint; what it was still to be sent is skipped',
    operand: 'ENDPOINT_ID',
    options: { ...locationOptions, ...confirmOptions, ...connectionOptions },
    examples: ['bellhop endpoints delete 01a20523-40cb-706d-b048-683585633a2e --location kamen-test --yes'],
    async run(input, terminal) {
      const [location, id] = [input.need('location'), input.needOperand()];
      const api = await openApi(input, terminal);
      await confirm(input, `Delete the endpoint ${clean(id)}?`);
      await api.delete(path`/v1/locations/${location}/endpoints/${id}`);
      terminal.output.show({ deleted: id }, () => `Deleted ${clean(id)}.`);
    },
  },
];

const heads = ['ID', 'STATE', 'EVENTS', 'URL', 'DESCRIPTION'];

function toRow(endpoint: z.output<typeof endpointSchema>): string[] {
  const { id, health, url, description } = endpoint;
  return [id, health.state, endpoint.actions.join(','), url, description];
}

function readHeaders(input: Input): Record<string, string> {
  const pairs = input.texts('header').map((text): [string, string] => {
    const [, name, value] = /^([^:\s]+):\s*(.*)$/.exec(text) ?? [];
    if (name === undefined || value === undefined)
      throw new UsageError("--header must be like 'x-api-key: 5f2b'.");
    return [name, value];
  });
  return Object.fromEntries(pairs);
}
