/** Levels of a sample: schemas may lead into themselves. */
const maxLevels = 8;

/**
 * Data that most likely fits a JSON Schema, for a form to begin with; undefined where the schema does not tell.
 * @example sampleOf({ type: 'object', properties: { points: { type: 'integer' } } }); // { points: 0 }
 */
export function sampleOf(schema: unknown, levels = maxLevels): unknown {
  if (!isObject(schema) || levels === 0) return undefined;
  const { default: standard, examples, enum: choices, const: constant } = schema;
  const given = [standard, first(examples), constant, first(choices)].find((value) => value !== undefined);
  if (given !== undefined) return given;
  return sampleOfType(first(schema['type']) ?? typeOf(schema), schema, levels);
}

function sampleOfType(type: unknown, schema: Record<string, unknown>, levels: number): unknown {
  if (type === 'object') return sampleOfObject(schema, levels);
  if (type === 'array') {
    const item = sampleOf(schema['items'], levels - 1);
    return item === undefined ? [] : [item];
  }
  if (type === 'string') return '';
  if (type === 'boolean') return false;
  if (type === 'integer' || type === 'number') return schema['minimum'] ?? 0;
  return type === 'null' ? null : undefined;
}

function sampleOfObject({ properties }: Record<string, unknown>, levels: number) {
  if (!isObject(properties)) return {};
  const entries = Object.entries(properties).map(([name, part]) => [
    name,
    sampleOf(part, levels - 1) ?? null,
  ]);
  return Object.fromEntries(entries);
}

function typeOf(schema: Record<string, unknown>): string | undefined {
  if ('properties' in schema) return 'object';
  return 'items' in schema ? 'array' : undefined;
}

function first(value: unknown): unknown {
  return Array.isArray(value) ? value[0] : value;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
