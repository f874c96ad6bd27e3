import type { z } from 'zod';
import { keySchema, newKeySchema, pageOf } from './answers.ts';
import { connectionOptions, openApi, path } from './connection.ts';
import type { Command } from './command.ts';
import { confirm, confirmOptions } from './confirm.ts';
import { clean } from './output.ts';
import { readPages } from './pages.ts';
import { table } from './table.ts';

/** What a key may do. */
const scopes = [
  'admin',
  'events:write',
  'events:read',
  'settings:read',
  'settings:write',
  'webhooks:trigger',
  'metrics:read',
];

/** `bellhop keys ...` */
export const keys: Command[] = [
  {
    name: 'keys list',
    summary: 'The API keys, newest first',
    options: { location: { value: 'ID', help: 'Only those that are bound to it' }, ...connectionOptions },
    examples: ['bellhop keys list'],
    async run(input, terminal) {
      const api = await openApi(input, terminal);
      const query = { locationId: input.text('location') };
      const page = await readPages(api, { target: '/v1/keys', query }, pageOf(keySchema));
      terminal.output.show(page, () =>
        page.items.length > 0 ? table(heads, page.items.map(toRow)) : 'No keys.',
      );
    },
  },
  {
    name: 'keys create',
    summary: 'Make an API key, which is shown this once',
    options: {
      name: { value: 'NAME', help: 'What people know it by' },
      scope: {
        value: 'SCOPES',
        help: 'What it may do; several, or with commas',
        choices: scopes,
        multiple: true,
      },
      location: { value: 'ID', help: 'Bind it to a location' },
      'allowed-ips': {
        value: 'RANGES',
        help: 'From where it may be used, e.g. 198.51.100.0/24',
        multiple: true,
      },
      expires: { value: 'TIME', help: 'When it ends, e.g. 2027-01-01T00:00:00Z' },
      ...connectionOptions,
    },
    examples: [
      "bellhop keys create --name 'Core app' --scope events:write --allowed-ips 198.51.100.0/24",
      'bellhop keys create --name Kamen --scope events:read,settings:write --location kamen-test --json | jq -r .key',
    ],
    async run(input, terminal) {
      const wanted = {
        name: input.need('name'),
        scopes: input.needList('scope'),
        locationId: input.text('location') ?? null,
        allowedIps: input.list('allowed-ips') ?? null,
        expiresAt: input.time('expires') ?? null,
      };
      const api = await openApi(input, terminal);
      const key = await api.post('/v1/keys', newKeySchema, wanted);
      terminal.output.note(`Made the key ${key.id}. It is shown this once:`);
      terminal.output.show(key, () => key.key);
    },
  },
  {
    name: 'keys delete',
    summary: 'Revoke an API key; it stops at once',
    operand: 'KEY_ID',
    options: { ...confirmOptions, ...connectionOptions },
    examples: ['bellhop keys delete 01a20523-40cb-706d-b048-683585633a2e --yes'],
    async run(input, terminal) {
      const id = input.needOperand();
      const api = await openApi(input, terminal);
      await confirm(input, `Revoke the key ${clean(id)}?`);
      await api.delete(path`/v1/keys/${id}`);
      terminal.output.show({ deleted: id }, () => `Revoked ${clean(id)}.`);
    },
  },
];

const heads = ['ID', 'NAME', 'SCOPES', 'LOCATION', 'FROM', 'ENDS', 'LAST USED', 'KEY'];

function toRow(key: z.output<typeof keySchema>): string[] {
  return [
    key.id,
    key.name,
    key.scopes.join(','),
    key.locationId ?? '-',
    key.allowedIps?.join(',') ?? '-',
    key.expiresAt ?? '-',
    key.lastUsedAt ?? '-',
    key.hint,
  ];
}
