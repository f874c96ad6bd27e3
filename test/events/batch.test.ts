import { randomUUID } from 'node:crypto';
import * as fc from 'fast-check';
import { inject } from 'vitest';
import { expect, it } from 'vitest';
import { batchInSql, eventsThatFitInSql, formatBatch } from '../../src/events/batch.ts';
import { withSql } from '../db/dump.ts';
import { titles } from './titles.ts';

const events = fc.array(
  fc.record({
    action: fc.constantFrom('create' as const, 'delete' as const),
    stations: fc.integer({ min: 1, max: 2_147_483_647 }),
    customerid: fc.maxSafeNat(),
  }),
  { minLength: 1, maxLength: 30 },
);

it('a batch has the members of the wire format in their order, and nothing else', () => {
  const event = {
    customerid: 7685,
    stations: 1,
    location: 'Kamen Test',
    action: 'create' as const,
    uuid: '41509791-3de8-5bb9-b4fc-a9753da95aad',
    sequence: 5,
  };
  expect(formatBatch([event])).toBe(
    '[{"uuid":"41509791-3de8-5bb9-b4fc-a9753da95aad","action":"create","location":"Kamen Test","stations":1,"customerid":7685}]',
  );
});

it('the body that SQL builds is that of formatBatch, byte for byte, whatever the title', async () => {
  await withSql(inject('postgres').url, async (sql) => {
    await fc.assert(
      fc.asyncProperty(titles, events, async (title, list) => {
        const rows = list.map((event, n) => ({ ...event, uuid: randomUUID(), sequence: n + 1 }));
        const [built] = await sql.unsafe(
          `select ${batchInSql('to_json($1::text)::text')} as body
          from json_to_recordset($2::text::json) as e(sequence int, uuid uuid, action text, stations int, customerid bigint)`,
          [title, JSON.stringify(rows.toReversed())],
        );
        expect(built?.['body']).toBe(formatBatch(rows.map((row) => ({ ...row, location: title }))));
      }),
      { numRuns: 150 },
    );
  });
});

it('the events that fit never exceed 256 KiB, and one always fits', async () => {
  await withSql(inject('postgres').url, async (sql) => {
    await fc.assert(
      fc.asyncProperty(titles, async (title) => {
        const [row] = await sql.unsafe(
          `select ${eventsThatFitInSql('to_json($1::text)::text')}::int as fit`,
          [title],
        );
        const fit: number = row?.['fit'];
        const largest = { uuid: randomUUID(), action: 'create' as const, location: title };
        const numbers = { stations: 2_147_483_647, customerid: Number.MAX_SAFE_INTEGER };
        const body = formatBatch(Array.from({ length: fit }, () => ({ ...largest, ...numbers })));
        expect(fit).toBeGreaterThanOrEqual(1);
        expect(Buffer.byteLength(body)).toBeLessThanOrEqual(256 * 1024);
      }),
      { numRuns: 100 },
    );
  });
});
