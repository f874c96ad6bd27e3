import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { bounded } from '../bounded.ts';

/** A JSON Schema as it was registered. */
export type JsonSchema = boolean | Record<string, unknown>;

/** Characters of a schema. */
const maxLength = 32 * 1024;
/** Milliseconds that a check may take: a tenant's pattern must not hold up the others. Nearly all take less than 1. */
const maxCheckMs = 100;
/** Milliseconds that compiling may take: the longest schemas take about 100. */
const maxCompileMs = 500;
/** Milliseconds that a schema rests after a check took too long, so that it takes 1 % of the process at most. */
const restMs = 10_000;
/** Compiled schemas that are kept. */
const maxCompiled = 500;

/** Formats are annotations, as is the default of 2020-12; unknown keywords are ignored. Remote references are not loaded. */
const options = { strict: false, validateFormats: false, logger: false } as const;

/**
 * Says what is wrong with a JSON Schema, or null when it can be used.
 * @example schemaProblem({ type: 'strng' }); // 'is not a JSON Schema that can be used: type must be equal to one of ...'
 */
export function schemaProblem(schema: JsonSchema): string | null {
  try {
    const { length } = JSON.stringify(schema);
    if (length > maxLength) return `must have at most ${maxLength} characters`;
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
    const { errors } = check(compile(schema), data);
    if (errors === null) return null;
    const [first] = errors;
    return {
      path: (first?.instancePath ?? '').replaceAll('/', '.').slice(1),
      message: first?.message ?? 'does not fit the schema',
    };
  } catch (error) {
    return { path: '', message: `cannot be checked against the schema: ${messageOf(error)}` };
  }
}

type Compiled = { validate: ValidateFunction; restsUntil: number };

function check(schema: Compiled, data: unknown): { errors: ErrorObject[] | null } {
  if (performance.now() < schema.restsUntil)
    throw new Error(`it takes too long, and rests for ${restMs / 1000} s; look for patterns that backtrack`);
  try {
    const isValid = inTime(() => schema.validate(data), maxCheckMs);
    return { errors: isValid ? null : (schema.validate.errors ?? []) };
  } catch (error) {
    if (isTimeout(error)) schema.restsUntil = performance.now() + restMs;
    throw error;
  }
}

/** Least recently used first, for that is the order in which a `Map` keeps its keys. */
const compiled = new Map<string, Compiled>();

function compile(schema: JsonSchema): Compiled {
  const text = JSON.stringify(schema);
  const entry = compiled.get(text) ?? { validate: compileNew(schema), restsUntil: 0 };
  compiled.delete(text);
  compiled.set(text, entry);
  const [oldest] = compiled.keys();
  if (compiled.size > maxCompiled && oldest !== undefined) compiled.delete(oldest);
  return entry;
}

/** The schema itself has been checked; code that is a little faster is not worth compiling twice as long. */
const compileOptions = { validateSchema: false, code: { optimize: false } } as const;

/** Each schema has an instance of its own, so that none can refer to another's. */
function compileNew(schema: JsonSchema): ValidateFunction {
  const { Dialect, isSchema } = dialectOf(schema);
  const validate = inTime(() => {
    if (!isSchema(schema)) throw new Error(describe(isSchema.errors));
    return new Dialect({ ...options, ...compileOptions }).compile(schema);
  }, maxCompileMs);
  // It would answer with a promise.
  if ('$async' in validate) throw new Error('it must not be $async');
  return validate;
}

type Dialect = { isNamed: RegExp; Dialect: typeof Ajv | typeof Ajv2020; isSchema: ValidateFunction };

function dialectOf(schema: JsonSchema): Dialect {
  const uri = typeof schema === 'object' ? schema['$schema'] : undefined;
  const found =
    uri === undefined
      ? draft2020
      : dialects.find(({ isNamed }) => typeof uri === 'string' && isNamed.test(uri));
  if (!found) throw new Error('its $schema must be that of 2020-12 or draft-07');
  return found;
}

const draft2020 = dialect(
  /^https?:\/\/json-schema\.org\/draft\/2020-12\/schema#?$/,
  Ajv2020,
  'https://json-schema.org/draft/2020-12/schema',
);
const draft7 = dialect(
  /^https?:\/\/json-schema\.org\/draft-07\/schema#?$/,
  Ajv,
  'http://json-schema.org/draft-07/schema',
);
const dialects = [draft2020, draft7];

/** The schema of schemas is compiled once, when it is needed: that takes 50 times longer than a small schema itself. */
function dialect(isNamed: RegExp, Dialect: Dialect['Dialect'], metaSchema: string): Dialect {
  let isSchema: ValidateFunction | undefined;
  return {
    isNamed,
    Dialect,
    get isSchema() {
      isSchema ??= new Dialect(options).getSchema(metaSchema);
      if (!isSchema) throw new Error(`Ajv has no ${metaSchema}.`);
      return isSchema;
    },
  };
}

function describe(errors: ErrorObject[] | null | undefined): string {
  const [first] = errors ?? [];
  return `${first?.instancePath.replaceAll('/', '.').slice(1)} ${first?.message}`.trim();
}

/** The clock runs on while a busy machine lets the process wait: what had less than half of its time is run again. */
function inTime<Result>(run: () => Result, maxMs: number, runs = 5): Result {
  const before = process.cpuUsage();
  try {
    return bounded(run, maxMs);
  } catch (error) {
    const { user, system } = process.cpuUsage(before);
    const hadItsTime = (user + system) / 1000 >= maxMs / 2;
    if (!isTimeout(error) || hadItsTime || runs === 1) throw error;
    return inTime(run, maxMs, runs - 1);
  }
}

function messageOf(error: unknown): string {
  if (isTimeout(error)) return 'it takes too long';
  if (error instanceof RangeError) return 'it is nested too deeply';
  return error instanceof Error ? error.message : String(error);
}

function isTimeout(error: unknown): boolean {
  return (
    typeof error === 'object' &&
    error !== null &&
    'code' in error &&
    error.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT'
  );
}
