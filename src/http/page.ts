import { z } from '@hono/zod-openapi';

const maxItems = 1000;

/** The query of a list. `cursor` is the `nextCursor` of the page before. */
export const pageQuery = z.object({
  limit: z.coerce
    .number('must be a number')
    .int('must be a whole number')
    .min(1, 'must be at least 1')
    .max(maxItems, `must be at most ${maxItems}`)
    .default(100)
    .openapi({ example: 100 }),
  cursor: z.string().max(200, 'must be the nextCursor of an earlier page').optional(),
});

/** A page of a list, as it is answered. `nextCursor` is null on the last page. */
export function pageOf<Item extends z.ZodType>(item: Item) {
  return z.object({ items: z.array(item), nextCursor: z.string().nullable() });
}

/**
 * A page of what was read with one row more than asked, which only tells that there are more.
 * @param cursorOf the cursor that leads on behind a row.
 */
export function toPage<Row>(rows: Row[], limit: number, cursorOf: (row: Row) => string) {
  const items = rows.slice(0, limit);
  const last = items.at(-1);
  return { items, nextCursor: last && rows.length > limit ? cursorOf(last) : null };
}
