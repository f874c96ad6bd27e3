import * as fc from 'fast-check';
import type { Schema } from './client-source.ts';

type Schemas = Record<string, Schema>;

/** Values that fit a schema. */
export function valueOf(schema: Schema, schemas: Schemas): fc.Arbitrary<unknown> {
  const { $ref, allOf } = schema;
  if ($ref) return valueOf(schemas[$ref.replace(/.*\//, '')] ?? {}, schemas);
  if (allOf)
    return fc
      .tuple(...allOf.map((part) => valueOf(part, schemas)))
      .map((parts) => Object.assign({}, ...parts));
  const value = ofOneOf(schema, schemas);
  return 'example' in schema ? fc.oneof(fc.constant(schema.example), value) : value;
}

function ofOneOf(schema: Schema, schemas: Schemas): fc.Arbitrary<unknown> {
  if (schema.enum) return fc.constantFrom(...schema.enum);
  const types = [schema.type ?? []].flat();
  const either = schema.anyOf ?? schema.oneOf ?? types.map((type) => ({ ...schema, type }));
  if (either.length > 1) return fc.oneof(...either.map((part) => valueOf(part, schemas)));
  const make = byType[types[0] ?? ''];
  return make ? make(schema, schemas) : fc.jsonValue({ maxDepth: 2 });
}

const byType: Record<string, (schema: Schema, schemas: Schemas) => fc.Arbitrary<unknown>> = {
  null: () => fc.constant(null),
  boolean: () => fc.boolean(),
  integer: ({ minimum = 0, maximum = 1e9 }) =>
    fc.maxSafeInteger().map((n) => minimum + (Math.abs(n) % (maximum - minimum + 1))),
  number: () => fc.double({ noNaN: true, noDefaultInfinity: true }),
  string: ({ format, pattern, minLength = 0, maxLength = 40 }) => {
    if (format === 'uuid') return fc.uuid();
    if (format === 'date-time')
      return fc
        .date({ min: new Date(0), max: new Date(4e12), noInvalidDate: true })
        .map((at) => at.toISOString());
    if (pattern) return fc.stringMatching(new RegExp(pattern));
    return fc.string({ minLength, maxLength: Math.min(maxLength, 40), unit: 'grapheme' });
  },
  array: ({ items = {}, minItems = 0 }, schemas) =>
    fc.array(valueOf(items, schemas), { minLength: minItems, maxLength: minItems + 2 }),
  object: ({ properties, required = [], additionalProperties }, schemas) => {
    const more = typeof additionalProperties === 'object' ? additionalProperties : {};
    if (!properties)
      return fc.dictionary(fc.stringMatching(/^[a-z-]{1,9}$/), valueOf(more, schemas), { maxKeys: 2 });
    const members: Record<string, fc.Arbitrary<unknown>> = {};
    for (const [name, member] of Object.entries(properties)) members[name] = valueOf(member, schemas);
    return fc.record(members, { requiredKeys: required });
  },
};

/** What fits hardly anywhere. */
const odd = fc.constantFrom<unknown>(
  null,
  true,
  -1,
  0.5,
  2 ** 53,
  '',
  'x'.repeat(100_000),
  'a\0b',
  '\ud800',
  '../..',
  '{{ x',
  [],
  [[]],
  {},
  { a: { b: [null] } },
);

/** A value that is broken in one place: another one, or with a member that is missing, odd, or nobody's. */
export function breakIn(value: unknown): fc.Arbitrary<unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return odd;
  const names = Object.keys(value);
  const name = fc.constantFrom(...names, 'somebody', '__proto__');
  const changed = fc
    .tuple(name, odd)
    .map(([at, as]) => Object.fromEntries([...Object.entries(value), [at, as]]));
  const lacking = name.map((at) =>
    Object.fromEntries(Object.entries(value).filter(([other]) => other !== at)),
  );
  return fc.oneof({ weight: 4, arbitrary: changed }, lacking, odd);
}
