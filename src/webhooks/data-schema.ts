import { createContext, Script } from 'node:vm';
import { Ajv, type ValidateFunction } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';

/** A JSON Schema as it was registered. */
export type JsonSchema = boolean | Record<string, unknown>;

/** Milliseconds that compiling or validating may take: a tenant's pattern must not hold up the others. */
const maxMs = 100;
/** Compiled schemas that are kept. */
const maxCompiled = 500;

/** Formats are annotations, as is the default of 2020-12; unknown keywords are ignored. Remote references are not loaded. */
const options = { strict: false, validateFormats: false, addUsedSchema: false };

/**
 * Says what is wrong with a JSON Schema, or null when it can be used.
 * @example schemaProblem({ type: 'strng' }); // 'is not a JSON Schema that can be used: schema is invalid: ...'
 */
export function schemaProblem(schema: JsonSchema): string | null {
  try {
    compile(schema);
    return null;
  } catch (error) {
    return `is not a JSON Schema that can be used: ${messageOf(error)}`;
  }
}

/**
 * Says how data does not fit a schema, or null when it does.
 * @example dataProblem({ type: 'object', required: ['a'] }, {}); // { path: '', message: "must have required property 'a'" }
 */
export function dataProblem(schema: JsonSchema, data: unknown): { path: string; message: string } | null {
  try {
    const validate = compile(schema);
    if (bounded(() => validate(data))) return null;
    const [first] = validate.errors ?? [];
    return {
      path: (first?.instancePath ?? '').replaceAll('/', '.').slice(1),
      message: first?.message ?? 'does not fit the schema',
    };
  } catch (error) {
    return { path: '', message: `cannot be checked against the schema: ${messageOf(error)}` };
  }
}

/** Least recently used first, for that is the order in which a `Map` keeps its keys. */
const compiled = new Map<string, ValidateFunction>();

function compile(schema: JsonSchema): ValidateFunction {
  const text = JSON.stringify(schema);
  const validate = compiled.get(text) ?? bounded(() => compileNew(schema));
  compiled.delete(text);
  compiled.set(text, validate);
  const [oldest] = compiled.keys();
  if (compiled.size > maxCompiled && oldest !== undefined) compiled.delete(oldest);
  return validate;
}

function compileNew(schema: JsonSchema): ValidateFunction {
  const dialect = typeof schema === 'object' ? schema['$schema'] : undefined;
  const isDraft7 = typeof dialect === 'string' && dialect.includes('draft-07');
  return isDraft7 ? new Ajv(options).compile(schema) : new Ajv2020(options).compile(schema);
}

const context = createContext({});
const script = new Script('run()');

/** Runs a synchronous function, and ends it by an exception when its time is over: even inside a regular expression. */
function bounded<Result>(run: () => Result): Result {
  const results: { value: Result }[] = [];
  context['run'] = () => {
    results.push({ value: run() });
  };
  script.runInContext(context, { timeout: maxMs });
  const [result] = results;
  if (!result) throw new Error('The function did not run.');
  return result.value;
}

/** The exception of a timeout is one of the other context, where `Error` is another. */
function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : 'it takes too long';
}
