import postgres from 'postgres';
import { z } from 'zod';
import { type CidrList, judgeUrl, parseCidrs } from './delivery/url-guard.ts';

/** What the environment says, checked. See `.env.example` for each name. */
export type Config = z.output<typeof schema>;

const whole = (min: number, max: number) =>
  z.coerce
    .number({ error: `must be a whole number from ${min} to ${max}` })
    .int(`must be a whole number from ${min} to ${max}`)
    .min(min, `must be at least ${min}`)
    .max(max, `must be at most ${max}`);

const cidrs = z.string().transform((text, context) => {
  try {
    return parseCidrs(text);
  } catch (error) {
    context.addIssue(error instanceof Error ? error.message : String(error));
    return z.NEVER;
  }
});

/** Origins as a browser names them, e.g. `https://app.example.com`. */
const origins = z
  .string()
  .transform((text) => text.split(',').map((origin) => origin.trim()))
  .refine(
    (list) => list.every((origin) => URL.canParse(origin) && new URL(origin).origin === origin),
    'must be origins like https://app.example.com, comma-separated, without a path',
  );

const httpUrl = z.url({ protocol: /^https?$/, error: 'must be an http or https URL' });

const encryptionKey = z
  .string()
  .transform((text) => Buffer.from(text, 'base64'))
  .refine((key) => key.length === 32, 'must be 32 bytes in base64, as `openssl rand -base64 32` prints');

/** The driver is the judge: it takes lists of hosts and socket folders, which `URL` refuses. It does not connect yet. */
function isReadable(databaseUrl: string): boolean {
  try {
    postgres(databaseUrl);
    return true;
  } catch {
    return false;
  }
}

const databaseUrl = z
  .string({ error: 'is required: the embedded database is migrated by every start' })
  .regex(/^postgres(ql)?:\/\//, 'must begin with postgres://')
  .refine(isReadable, 'must be a URL like postgres://user:password@host:5432/database');

/** Rules between variables are judged even when one of them is wrong by itself, so that one start shows every mistake. */
const always = () => true;

type OperatorUrl = { OPERATOR_WEBHOOK_URL?: string | undefined; DELIVERY_ALLOW_CIDRS: CidrList };

/** What the URL guard has against the operator's endpoint; ranges that could not be read exempt nothing. */
function operatorUrlMistake(env: OperatorUrl): string | null {
  if (!env.OPERATOR_WEBHOOK_URL) return null;
  const allow = Array.isArray(env.DELIVERY_ALLOW_CIDRS) ? env.DELIVERY_ALLOW_CIDRS : [];
  const judged = judgeUrl(env.OPERATOR_WEBHOOK_URL, allow);
  return judged.ok ? null : judged.message;
}

const schema = z
  .object({
    HOST: z.string().default('127.0.0.1'),
    PORT: whole(0, 65_535).default(8080),
    DATABASE_URL: databaseUrl.optional(),
    DATABASE_DIRECT_URL: z.union([z.literal('none'), databaseUrl]).optional(),
    // A handful saturates a database, for each statement carries many requests or lanes; lists and settings may wait for locks.
    DATABASE_MAX_CONNECTIONS: whole(6, 100).default(15),
    DATA_DIR: z.string().default('./data'),
    BELLHOP_ADMIN_KEY: z
      .string()
      .regex(/^[\x21-\x7e]{32,256}$/, 'must be 32 to 256 visible ASCII characters')
      .optional(),
    BELLHOP_ENCRYPTION_KEY: encryptionKey.optional(),
    BELLHOP_PREVIOUS_ENCRYPTION_KEY: encryptionKey.optional(),
    PUBLIC_URL: httpUrl.optional(),
    FRAME_ANCESTORS: origins.default([]),
    TRUST_PROXY: cidrs.default(parseCidrs('')),
    RATE_LIMIT_PER_MINUTE: whole(0, 1_000_000).default(600),
    DELIVERY_TIMEOUT_MS: whole(100, 2000).default(2000),
    // Well above the number of endpoints that may hang at once: one that hangs holds its place for the whole timeout.
    DELIVERY_CONCURRENCY: whole(1, 10_000).default(1024),
    DELIVERY_ALLOW_CIDRS: cidrs.default(parseCidrs('')),
    BATCH_MAX_EVENTS: whole(1, 100).default(100),
    EVENT_MAX_AGE_HOURS: whole(1, 24 * 365).default(24),
    OPERATOR_WEBHOOK_URL: z.string().optional(),
    OPERATOR_WEBHOOK_SECRET: z
      .string()
      .regex(/^whsec_[A-Za-z0-9+/]{32,86}={0,2}$/, 'must be whsec_ and 24 to 64 bytes in base64')
      .optional(),
    RETENTION_DAYS: whole(1, 3650).default(30),
    OTEL_EXPORTER_OTLP_ENDPOINT: httpUrl.optional(),
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: httpUrl.optional(),
    OTEL_SERVICE_NAME: z.string().default('bellhop'),
    OTEL_TRACES_SAMPLER_ARG: z.coerce
      .number({ error: 'must be a number from 0 to 1' })
      .min(0, 'must be at least 0')
      .max(1, 'must be at most 1')
      .default(1),
    LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
    ROLE: z.enum(['all', 'api', 'dispatcher']).default('all'),
  })
  .refine((env) => !env.DATABASE_URL || env.BELLHOP_ENCRYPTION_KEY, {
    path: ['BELLHOP_ENCRYPTION_KEY'],
    message: 'is required with DATABASE_URL: make one with `openssl rand -base64 32` and keep it',
    when: always,
  })
  .refine((env) => !env.OPERATOR_WEBHOOK_URL === !env.OPERATOR_WEBHOOK_SECRET, {
    path: ['OPERATOR_WEBHOOK_SECRET'],
    message:
      'must be set with OPERATOR_WEBHOOK_URL, and only with it: `echo whsec_$(openssl rand -base64 32)` makes one',
    when: always,
  })
  .refine((env) => operatorUrlMistake(env) === null, {
    path: ['OPERATOR_WEBHOOK_URL'],
    error: ({ input }) => `is refused: ${operatorUrlMistake(z.custom<OperatorUrl>().parse(input))}`,
    when: always,
  })
  .refine((env) => env.DATABASE_URL || !env.DATABASE_DIRECT_URL, {
    path: ['DATABASE_DIRECT_URL'],
    message: 'is the way past the proxy that DATABASE_URL leads to: set that one, too',
    when: always,
  })
  .refine((env) => env.DATABASE_URL || (env.ROLE !== 'api' && env.ROLE !== 'dispatcher'), {
    path: ['ROLE'],
    message: 'must be all on the embedded database, which one process alone can open: set DATABASE_URL',
    when: always,
  });

/**
 * Reads the configuration. An empty variable counts as one that is not set.
 * @throws ConfigurationError that lists every mistake, a line each.
 * @example readConfig({ PORT: '9000' }).PORT; // 9000
 */
export function readConfig(env: Environment = process.env): Config {
  return read(schema, env);
}

/**
 * Reads `DATABASE_URL` alone, for commands that need nothing else.
 * @throws ConfigurationError when it is missing or no URL of a database.
 */
export function readDatabaseUrl(env: Environment = process.env): string {
  return read(z.object({ DATABASE_URL: databaseUrl }), env).DATABASE_URL;
}

/** What the environment says to the commands of `bellhop` that use the API. */
export type CliEnvironment = z.output<typeof cliSchema>;

const cliSchema = z.object({
  BELLHOP_URL: z.string().default('http://127.0.0.1:8080'),
  BELLHOP_KEY: z.string().optional(),
  BELLHOP_SECRET: z.string().optional(),
  NO_COLOR: z.string().optional(),
  TERM: z.string().optional(),
});

/**
 * Reads what the commands of `bellhop` need. What is wrong with a value is said by the command that uses it.
 * @example readCliEnvironment().BELLHOP_URL; // 'http://127.0.0.1:8080'
 */
export function readCliEnvironment(env: Environment = process.env): CliEnvironment {
  return read(cliSchema, env);
}

type Environment = Record<string, string | undefined>;

function read<Schema extends z.ZodType>(schema: Schema, env: Environment): z.output<Schema> {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
  const result = schema.safeParse(given);
  if (result.success) return result.data;
  throw new ConfigurationError(
    result.error.issues.map((issue) => `${issue.path.join('.')} ${issue.message}`),
  );
}

/** The configuration cannot be used; `message` is the readable list of what is wrong with it. */
export class ConfigurationError extends Error {
  override name = 'ConfigurationError';
  constructor(mistakes: string[]) {
    super(
      `The configuration has ${mistakes.length === 1 ? 'a mistake' : `${mistakes.length} mistakes`}:\n${mistakes.map((mistake) => `  - ${mistake}`).join('\n')}`,
    );
  }
}
