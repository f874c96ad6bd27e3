import type { OpenAPIHono } from '@hono/zod-openapi';

type Components = NonNullable<ReturnType<OpenAPIHono['getOpenAPI31Document']>['components']>;
/** Schemas by their names. */
export type Schemas = NonNullable<Components['schemas']>;
type Schema = Schemas[string];

/**
 * An example of a schema: the one that it names, else one made of the examples of its parts.
 * @param schemas those that references lead to.
 * @example exampleOf({ type: 'object', properties: { stations: { type: 'integer', example: 2 } } }, {}); // { stations: 2 }
 */
export function exampleOf(schema: Schema, schemas: Schemas): unknown {
  if ('$ref' in schema) {
    const named = schemas[schema.$ref.split('/').at(-1) ?? ''];
    return named && exampleOf(named, schemas);
  }
  const [given] = [schema.example, schema.default, schema.const, schema.enum?.[0]].filter(isGiven);
  if (isGiven(given)) return given;
  if (schema.allOf) return Object.assign({}, ...schema.allOf.map((part) => exampleOf(part, schemas)));
  const [first] = schema.oneOf ?? schema.anyOf ?? [];
  return first ? exampleOf(first, schemas) : ofType(schema, schemas);
}

const isGiven = (value: unknown) => value !== undefined;

type PlainSchema = Exclude<Schema, { $ref: string }>;

function ofType(schema: PlainSchema, schemas: Schemas): unknown {
  const types = [schema.type ?? []].flat();
  const make = byType[types.includes('null') ? 'null' : (types[0] ?? '')];
  return make ? make(schema, schemas) : {};
}

const byType: Record<string, (schema: PlainSchema, schemas: Schemas) => unknown> = {
  null: () => null,
  boolean: () => false,
  integer: ({ minimum }) => minimum ?? 0,
  number: ({ minimum }) => minimum ?? 0,
  string: ({ format = '' }) => texts[format] ?? 'text',
  array: ({ items }, schemas) => (items ? [exampleOf(items, schemas)] : []),
  object: ({ properties = {} }, schemas) =>
    Object.fromEntries(
      Object.entries(properties).map(([name, member]) => [name, exampleOf(member, schemas)]),
    ),
};

const texts: Record<string, string> = {
  'date-time': '2026-11-22T20:28:00.000Z',
  uuid: '41509791-3de8-5bb9-b4fc-a9753da95aad',
  uri: 'https://hooks.example.com/',
};
