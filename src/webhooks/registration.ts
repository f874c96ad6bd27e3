import { z } from '@hono/zod-openapi';
import { methods, type webhooks } from '../db/schema.ts';
import { headerNameSchema, headerValueSchema, mask, namesHeaderTwice } from '../http/custom-headers.ts';
import { text } from '../http/text.ts';
import { schemaProblem } from './data-schema.ts';

/** The id by which apps trigger a webhook. */
export const webhookId = z
  .string('must be a text')
  .regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be 1 to 64 of the characters A-Z a-z 0-9 _ -')
  .openapi({ example: 'get-randomapi' });

export const maxHeaders = 30;
export const maxQueryParams = 50;
/** Characters of all header values together: servers refuse more. */
const maxHeadersLength = 16 * 1024;
/** Milliseconds; the longest time that an app may be kept waiting. */
const maxTimeoutMs = 30_000;

const jsonSchema = z
  .union([z.boolean(), z.record(z.string(), z.unknown())], 'must be a JSON Schema')
  .superRefine((schema, context) => {
    const problem = schemaProblem(schema);
    if (problem) context.addIssue(problem);
  });

const registrationMembers = {
  url: text(1, 2048).openapi({ example: 'https://api.example.com/random' }),
  method: z
    .enum(methods, `must be one of ${methods.join(', ')}`)
    .nullable()
    .openapi({ description: 'Null: POST when data is sent, else GET' }),
  headers: z
    .record(z.string(), z.unknown(), 'must be an object of header names and values')
    // Counted first: a body has room for more mistakes than anybody should look for.
    .refine((headers) => Object.keys(headers).length <= maxHeaders, `must hold at most ${maxHeaders} headers`)
    .pipe(z.record(headerNameSchema, headerValueSchema))
    .refine((headers) => !namesHeaderTwice(headers), 'must not name a header twice in different cases')
    .refine(
      (headers) => Object.values(headers).join('').length <= maxHeadersLength,
      `must have at most ${maxHeadersLength} characters together`,
    )
    .openapi({
      additionalProperties: { type: 'string' },
      description: `Values are hidden from then on; one of ${mask} keeps what is stored. An empty value is one that the caller fills in`,
      example: { authorization: 'Bearer …' },
    }),
  queryParams: z
    .array(z.unknown(), 'must be a list of names')
    .max(maxQueryParams, `must name at most ${maxQueryParams} parameters`)
    .pipe(z.array(text(1, 100)))
    .openapi({
      items: { type: 'string' },
      description: 'The query parameters that a caller may pass',
      example: ['pageNum'],
    }),
  payload_encoding: z
    .enum(['base64'], 'must be "base64"')
    .nullable()
    .openapi({ description: 'base64: `data` is base64, and its bytes are sent' }),
  dataSchema: jsonSchema
    .nullable()
    .openapi({ description: 'A JSON Schema (2020-12 or draft-07) that `data` must fit' }),
  timeoutMs: z
    .int('must be a whole number')
    .min(100, 'must be at least 100')
    .max(maxTimeoutMs, `must be at most ${maxTimeoutMs}`),
  recordBodies: z
    .boolean('must be true or false')
    .openapi({ description: 'Whether invocations keep what was sent and answered, up to 64 KiB each' }),
  sign: z
    .boolean('must be true or false')
    .openapi({ description: 'Whether requests are signed by Standard Webhooks, with a secret of their own' }),
};

/** A registration as it is put. */
export const newWebhookSchema = z
  .object({
    id: webhookId.optional().openapi({ description: 'The id of the path, if it is given' }),
    url: registrationMembers.url,
    method: registrationMembers.method.default(null),
    headers: registrationMembers.headers.default({}),
    queryParams: registrationMembers.queryParams.default([]),
    payload_encoding: registrationMembers.payload_encoding.default(null),
    dataSchema: registrationMembers.dataSchema.default(null),
    timeoutMs: registrationMembers.timeoutMs.default(10_000),
    recordBodies: registrationMembers.recordBodies.default(false),
    sign: registrationMembers.sign.default(false),
  })
  .openapi('NewWebhook');

/** A registration as it is answered: hidden values never leave. */
export const webhookSchema = z
  .object({
    id: webhookId,
    ...registrationMembers,
    headers: z.record(z.string(), z.string()).openapi({ description: 'Values are masked' }),
    queryParams: z.array(z.string()),
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
  })
  .openapi('Webhook');

export type WebhookRow = typeof webhooks.$inferSelect;
export type NewWebhook = z.output<typeof newWebhookSchema>;

/** A registration as it is answered. Empty header values stay empty: they are the caller's to fill in. */
export function toWebhook(row: WebhookRow): z.input<typeof webhookSchema> {
  const { id, url, method, headers, queryParams, dataSchema, timeoutMs, recordBodies } = row;
  return {
    id,
    url,
    method,
    headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, value && mask])),
    queryParams,
    payload_encoding: row.payloadEncoding,
    dataSchema,
    timeoutMs,
    recordBodies,
    sign: row.secret !== null,
    createdAt: row.createdAt.toISOString(),
    updatedAt: row.updatedAt.toISOString(),
  };
}
