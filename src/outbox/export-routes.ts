import { createRoute, z } from '@hono/zod-openapi';
import type { Database } from '../db/client.ts';
import { allowAtLocation, type LocationEnv, locationPath } from '../http/authorize.ts';
import { createRouter } from '../http/router.ts';
import { type DeliveryRow, toDelivery } from './delivery.ts';
import { deliveryFilter, findDeliveries } from './delivery-log.ts';

/** The log of deliveries as a file for spreadsheets, however long it is. */
export function exportRoutes(db: Database) {
  const router = createRouter<LocationEnv>();
  return router.openapi(createRoute({ ...exportCsv, ...allowAtLocation(db, 'events:read') }), (c) => {
    const { id } = c.var.location;
    const pieces = write(db, id, c.req.valid('query'));
    const body = new ReadableStream<Uint8Array>({
      async pull(controller) {
        const { done, value } = await pieces.next();
        if (done) controller.close();
        else controller.enqueue(encoder.encode(value));
      },
    });
    return c.body(body, 200, {
      'content-type': 'text/csv; charset=utf-8',
      'content-disposition': `attachment; filename="deliveries-${id}.csv"`,
    });
  });
}

const exportCsv = {
  method: 'get',
  path: '/v1/locations/{id}/deliveries/export',
  operationId: 'deliveries.export',
  summary: 'The deliveries of a location as CSV, newest first',
  description:
    'RFC 4180, with a header row. A cell that a spreadsheet would take for a formula begins with an apostrophe.',
  request: { params: locationPath, query: deliveryFilter },
  responses: {
    200: {
      description: 'The file',
      content: { 'text/csv': { schema: z.string().openapi({ example: 'id,endpointId,url\r\n' }) } },
    },
  },
} as const;

type Filter = z.output<typeof deliveryFilter>;

/** Rows of one query and one piece of the answer: the next is read when the reader has taken this one. */
const pieceRows = 1000;

async function* write(db: Database, locationId: string, filter: Filter): AsyncGenerator<string, void> {
  yield toLine([...columns]);
  let cursor: string | undefined;
  do {
    const rows = await findDeliveries(db, locationId, { ...filter, cursor, limit: pieceRows });
    yield rows.map((row) => toLine(toCells(row))).join('');
    cursor = rows.length === pieceRows ? rows.at(-1)?.id : undefined;
  } while (cursor);
}

const columns = [
  'id',
  'endpointId',
  'url',
  'outcome',
  'reason',
  'statusCode',
  'durationMs',
  'events',
  'firstSequence',
  'lastSequence',
  'startedAt',
  'endedAt',
  'resendOf',
  'test',
] as const;

function toCells(row: DeliveryRow): string[] {
  const delivery = { ...toDelivery(row), url: row.url };
  return columns.map((column) => String(delivery[column] ?? ''));
}

function toLine(cells: string[]): string {
  return `${cells.map(toCell).join(',')}\r\n`;
}

/** Spreadsheets run what begins with one of these as a formula. */
const formula = /^[=+\-@\t\r]/;

function toCell(text: string): string {
  const harmless = formula.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}

const encoder = new TextEncoder();
