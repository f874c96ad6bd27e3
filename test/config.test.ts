import { describe, expect, it } from 'vitest';
import { ConfigurationError, readConfig } from '../src/config.ts';

const encryptionKey = Buffer.alloc(32, 7).toString('base64');

describe('the configuration', () => {
  it('has defaults that start on the embedded database', () => {
    expect(readConfig({})).toEqual({
      FRAME_ANCESTORS: [],
      HOST: '127.0.0.1',
      PORT: 8080,
      DATABASE_MAX_CONNECTIONS: 15,
      DATA_DIR: './data',
      TRUST_PROXY: [],
      RATE_LIMIT_PER_MINUTE: 600,
      DELIVERY_TIMEOUT_MS: 2000,
      DELIVERY_CONCURRENCY: 1024,
      DELIVERY_ALLOW_CIDRS: [],
      BATCH_MAX_EVENTS: 100,
      EVENT_MAX_AGE_HOURS: 24,
      RETENTION_DAYS: 30,
      LOG_LEVEL: 'info',
      OTEL_SERVICE_NAME: 'bellhop',
      OTEL_TRACES_SAMPLER_ARG: 1,
      ROLE: 'all',
    });
  });

  it('takes an empty variable for one that is not set', () => {
    const names = Object.keys(readConfig({}));
    const empty = Object.fromEntries(
      [...names, 'DATABASE_URL', 'BELLHOP_ADMIN_KEY', 'BELLHOP_ENCRYPTION_KEY', 'PUBLIC_URL'].map((name) => [
        name,
        '',
      ]),
    );
    expect(readConfig(empty)).toEqual(readConfig({}));
  });

  it('ignores variables that are not its own', () => {
    expect(readConfig({ PATH: '/bin', __proto__: 'x', PORT: '9000' }).PORT).toBe(9000);
  });

  it.each([
    ['postgres://user:p%40ss@db.example.com:5432/bellhop'],
    ['postgresql://db.example.com/bellhop?sslmode=require'],
    ['postgres://a.example.com:5432,b.example.com:5433/bellhop'],
    ['postgres://bellhop@%2Ftmp%2Fsocket%2Cfolder/bellhop'],
  ])('takes the DATABASE_URL %s', (DATABASE_URL) => {
    expect(readConfig({ DATABASE_URL, BELLHOP_ENCRYPTION_KEY: encryptionKey }).DATABASE_URL).toBe(
      DATABASE_URL,
    );
  });

  it('reads ranges of addresses', () => {
    const { TRUST_PROXY, DELIVERY_ALLOW_CIDRS } = readConfig({
      TRUST_PROXY: '10.0.0.0/8, ::1',
      DELIVERY_ALLOW_CIDRS: '127.0.0.1',
    });
    expect([TRUST_PROXY.length, DELIVERY_ALLOW_CIDRS.length]).toEqual([2, 1]);
  });
});

describe('a mistake', () => {
  it.each([
    ['PORT', '65536', 'at most 65535'],
    ['PORT', '-1', 'at least 0'],
    ['PORT', '80.5', 'whole number'],
    ['PORT', 'http', 'whole number'],
    ['DATABASE_URL', 'mysql://x', 'must begin with postgres://'],
    ['BELLHOP_ADMIN_KEY', 'short', '32 to 256 visible ASCII characters'],
    ['BELLHOP_ADMIN_KEY', `${'a'.repeat(31)} `, '32 to 256 visible ASCII characters'],
    ['BELLHOP_ADMIN_KEY', 'ä'.repeat(32), '32 to 256 visible ASCII characters'],
    ['BELLHOP_ENCRYPTION_KEY', 'a'.repeat(44), '32 bytes in base64'],
    ['BELLHOP_ENCRYPTION_KEY', 'c'.repeat(64), '32 bytes in base64'],
    ['PUBLIC_URL', 'bellhop.example.com', 'http or https URL'],
    ['PUBLIC_URL', 'javascript:alert(1)', 'http or https URL'],
    ['TRUST_PROXY', 'proxy.example.com', '"proxy.example.com" is neither'],
    ['DELIVERY_ALLOW_CIDRS', '10.0.0.0/33', '"10.0.0.0/33" is neither'],
    ['DELIVERY_TIMEOUT_MS', '2001', 'at most 2000'],
    ['DELIVERY_TIMEOUT_MS', '0', 'at least 100'],
    ['DELIVERY_CONCURRENCY', '0', 'at least 1'],
    ['DATABASE_MAX_CONNECTIONS', '5', 'at least 6'],
    ['BATCH_MAX_EVENTS', '101', 'at most 100'],
    ['OPERATOR_WEBHOOK_URL', 'http://10.0.0.1/', 'not an address on the public internet'],
    ['OPERATOR_WEBHOOK_SECRET', `whsec_${'A'.repeat(31)}`, 'must be whsec_ and 24 to 64 bytes in base64'],
    ['OPERATOR_WEBHOOK_SECRET', `whsec_${'A'.repeat(32)}`, 'only with it'],
    ['EVENT_MAX_AGE_HOURS', '0', 'at least 1'],
    ['RETENTION_DAYS', 'forever', 'whole number'],
    ['LOG_LEVEL', 'loud', 'info'],
    ['ROLE', 'worker', 'dispatcher'],
  ])('is named with what was expected: %s=%s', (name, value, message) => {
    const mistakes = mistakesOf({ [name]: value });
    expect(mistakes.some((line) => line.startsWith(`${name} `) && line.includes(message))).toBe(true);
  });

  it('in a DATABASE_URL does not show the password', () => {
    for (const host of ['db:99999', 'db:port', 'a b', '%zz']) {
      const mistakes = mistakesOf({
        DATABASE_URL: `postgres://user:hunter2@${host}/bellhop`,
        BELLHOP_ENCRYPTION_KEY: encryptionKey,
      });
      expect(mistakes).toEqual([
        'DATABASE_URL must be a URL like postgres://user:password@host:5432/database',
      ]);
    }
  });

  it('does not hide another: all are listed at once, a line each', () => {
    const mistakes = mistakesOf({
      PORT: 'x',
      DATABASE_URL: 'postgres://db/bellhop',
      BELLHOP_ADMIN_KEY: 'short',
      TRUST_PROXY: 'x',
      DELIVERY_TIMEOUT_MS: '9999',
      LOG_LEVEL: 'loud',
    });
    expect(new Set(mistakes.map((line) => line.split(' ')[0]))).toEqual(
      new Set([
        'BELLHOP_ADMIN_KEY',
        'BELLHOP_ENCRYPTION_KEY',
        'DELIVERY_TIMEOUT_MS',
        'LOG_LEVEL',
        'PORT',
        'TRUST_PROXY',
      ]),
    );
    expect(mistakes).toHaveLength(6);
  });

  it('may lie between two variables', () => {
    expect(mistakesOf({ DATABASE_URL: 'postgres://db/bellhop' })).toEqual([
      expect.stringMatching(/^BELLHOP_ENCRYPTION_KEY is required with DATABASE_URL/),
    ]);
    for (const ROLE of ['api', 'dispatcher'])
      expect(mistakesOf({ ROLE })).toEqual([
        expect.stringMatching(/^ROLE must be all on the embedded database/),
      ]);
  });

  it('is counted in words', () => {
    expect(() => readConfig({ PORT: 'x' })).toThrow(/^The configuration has a mistake:\n {2}- PORT /);
    expect(() => readConfig({ PORT: 'x', ROLE: 'api' })).toThrow(
      /^The configuration has 2 mistakes:\n {2}- /,
    );
  });
});

function mistakesOf(env: Record<string, string>): string[] {
  try {
    readConfig(env);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    return error.message.split('\n  - ').slice(1);
  }
}
