import { prettyJson } from '../forms/json-text.ts';

type Request = {
  url: string;
  /** The variable of the shell that holds the key or token; null: none is needed. */
  keyVariable: string | null;
  body: unknown;
};

/** A request with curl, to be pasted into a shell. */
export function curlOf({ url, keyVariable, body }: Request): string {
  const lines = [
    `curl -sS -X POST ${quoted(url)}`,
    ...(keyVariable === null ? [] : [`-H "Authorization: Bearer $${keyVariable}"`]),
    `-H 'content-type: application/json'`,
    `-d ${quoted(JSON.stringify(body))}`,
  ];
  return lines.join(' \\\n  ');
}

/** In single quotes, in which a shell leaves everything else as it is. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

type Call = { origin: string; locationId: string; webhookId: string; trigger: Trigger };

/** What a caller hands over to a registered webhook. */
export type Trigger = {
  data?: unknown;
  headers?: Record<string, string>;
  queryParams?: Record<string, string>;
};

/** The same in TypeScript, with the client of src/kit/client.ts. */
export function typescriptOf({ origin, locationId, webhookId, trigger }: Call): string {
  const { data, headers = {}, queryParams = {} } = trigger;
  const args = [data, headers, queryParams].map((value) =>
    value === undefined ? 'undefined' : prettyJson(value),
  );
  return `import { createClient } from '../client.ts'; // src/kit/client.ts of Bellhop: one file, no dependencies

const api = createClient({
  url: ${JSON.stringify(origin)},
  key: process.env.BELLHOP_KEY ?? '',
  locationId: ${JSON.stringify(locationId)},
});

const { status, data, error, referenceId } = await api.webhooks.trigger(
  ${[JSON.stringify(webhookId), ...args.map((arg) => arg.replaceAll('\n', '\n  '))].join(',\n  ')},
);`;
}
