/** As much of a specification as a client is made from. */
export type Specification = {
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Schema>; responses: Record<string, { content?: Content }> };
};

export type Operation = {
  operationId: string;
  summary: string;
  description?: string;
  security?: Record<string, string[]>[];
  parameters?: { name: string; in: string; required: boolean; description?: string; schema: Schema }[];
  requestBody?: { required?: boolean; content: Content };
  responses: Record<string, { $ref?: string; content?: Content }>;
};

type Content = Record<string, { schema?: Schema }>;

export type Schema = {
  $ref?: string;
  type?: string | string[];
  enum?: unknown[];
  const?: unknown;
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: boolean | Schema;
  items?: Schema;
  allOf?: Schema[];
  anyOf?: Schema[];
  oneOf?: Schema[];
  description?: string;
  example?: unknown;
  format?: string;
  pattern?: string;
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  minItems?: number;
};

/** Writes `src/kit/client-api.ts`: a type for each schema, and a method for each operation, named by its `operationId`. */
export function writeClient({ paths, components }: Specification): string {
  const types = Object.entries(components.schemas).map(
    ([name, schema]) => `export type ${name} = ${typeOf(schema)};`,
  );
  const methods = Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({
      group: operation.operationId.split('.')[0] ?? '',
      source: methodOf(`${method.toUpperCase()} ${path}`, operation),
    })),
  );
  const groups = [...new Set(methods.map(({ group }) => group))].map((name) => {
    const own = methods.filter(({ group }) => group === name).map(({ source }) => source);
    return `${name}: { ${own.join('\n')} },`;
  });
  return `// Made from docs/openapi.json by \`npm run spec\`.
import type { CallOptions, Http } from './client-http.ts';

${types.join('\n\n')}

/** Every operation of the API. */
export function createApi(http: Http) { return { ${groups.join('\n')} }; }
`;
}

function methodOf(name: string, operation: Operation): string {
  const { operationId, parameters = [], requestBody } = operation;
  const ids = parameters.filter((one) => one.in === 'path').map((one) => one.name);
  const [givenId, ownIds] = name.includes('/v1/locations/{id}/')
    ? [['http.locationId'], ids.slice(1)]
    : [[], ids];
  const body = bodyOf(requestBody);
  const query = queryOf(parameters.filter((one) => one.in === 'query'));
  const { kind, answer, more = '' } = answerOf(operation);
  const takes = [...ownIds.map((id) => `${id}: string`), ...body, ...query, `options?: CallOptions${more}`];
  const parts = [body.length > 0 ? ['body'] : [], query.length > 0 ? ['query'] : []].flat();
  const passed = `'${name}', [${[...givenId, ...ownIds].join(', ')}], { ${parts.join(', ')} }, options`;
  return `${docOf(operation)}
${operationId.split('.')[1]}: (${takes.join(', ')}) => http.${kind}${answer && `<${answer}>`}(${passed}),`;
}

function bodyOf(body: Operation['requestBody']): string[] {
  const [media] = Object.values(body?.content ?? {});
  return media ? [`body${body?.required ? '' : '?'}: ${typeOf(media.schema ?? {})}`] : [];
}

/** How a method answers: with items of pages, or of a stream, with JSON, nothing, or what only its caller can read. */
function answerOf({ parameters = [], responses }: Operation): {
  kind: string;
  answer: string;
  more?: string;
} {
  const good = Object.entries(responses).filter(([status]) => status.startsWith('2'));
  const types = good.flatMap(([, { content = {} }]) => Object.entries(content));
  if (types.length === 0) return { kind: 'nothing', answer: '' };
  if (types.some(([type]) => type === 'text/event-stream'))
    return { kind: 'stream', answer: 'Delivery', more: ' & { lastEventId?: string | undefined }' };
  if (types.some(([type]) => type !== 'application/json')) return { kind: 'response', answer: '' };
  const schemas = types.map(([, { schema = {} }]) => schema);
  const items = schemas[0]?.properties?.['items']?.items;
  if (items && parameters.some(({ name }) => name === 'cursor'))
    return { kind: 'pages', answer: typeOf(items) };
  return { kind: 'json', answer: [...new Set(schemas.map(typeOf))].join(' | ') };
}

function queryOf(parameters: NonNullable<Operation['parameters']>): string[] {
  if (parameters.length === 0) return [];
  const properties = Object.fromEntries(
    parameters.map(({ name, description, schema }) => [
      name,
      { ...schema, ...(description && { description }) },
    ]),
  );
  const required = parameters.filter((one) => one.required).map(({ name }) => name);
  return [`query${required.length > 0 ? '' : '?'}: ${typeOf({ type: 'object', properties, required })}`];
}

function docOf({ summary, description, security = [] }: Operation): string {
  const scopes = security
    .flatMap(({ apiKey = [] }) => apiKey)
    .map((scope) => `Needs the scope \`${scope}\`.`);
  return `/** ${[`${summary}.`, description, ...scopes].filter(Boolean).join(' ')} */`;
}

/** A schema as a type. */
function typeOf(schema: Schema): string {
  const { $ref, allOf, anyOf, oneOf } = schema;
  if ($ref) return $ref.replace(/.*\//, '');
  const words = schema.const === undefined ? schema.enum : [schema.const];
  if (words) return words.map((value) => JSON.stringify(value)).join(' | ');
  if (allOf) return allOf.map((part) => `(${typeOf(part)})`).join(' & ');
  const either = anyOf ?? oneOf ?? [schema.type ?? []].flat().map((type) => ({ ...schema, type }));
  if (either.length === 0) return 'unknown';
  if (either.length > 1) return unionOf(either.map(typeOf));
  return plainTypeOf(schema);
}

/** A text that may be one of some words is any text. */
function unionOf(types: string[]): string {
  const apart = types.includes('string') ? types.filter((type) => !/^"[^"]*"$/.test(type)) : types;
  return [...new Set(apart.map((type) => `(${type})`))].join(' | ');
}

function plainTypeOf(schema: Schema): string {
  const type = String(schema.type);
  if (type === 'integer') return 'number';
  if (type === 'array') return `(${typeOf(schema.items ?? {})})[]`;
  if (type !== 'object') return type;
  const { properties, required = [], additionalProperties } = schema;
  if (!properties)
    return `Record<string, ${typeOf(typeof additionalProperties === 'object' ? additionalProperties : {})}>`;
  const members = Object.entries(properties).map(([name, member]) => {
    const doc = member.description ? `/** ${member.description}. */\n` : '';
    const type = typeOf(member);
    if (required.includes(name)) return `${doc}${name}: ${type};`;
    return `${doc}${name}?: ${type === 'unknown' ? type : `${type} | undefined`};`;
  });
  return `{\n${members.join('\n')}\n}`;
}
