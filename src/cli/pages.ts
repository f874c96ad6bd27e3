import type { z } from 'zod';
import type { Api, Query } from './call-api.ts';

/** The most items of a page. */
const maxItems = 1000;

/** A page as the API answers it. */
type Page<Item> = { items: Item[]; nextCursor: string | null };

/**
 * Reads a list a page at a time, up to `limit` items.
 * @returns one page with all of them; `nextCursor` null when there are no more.
 */
export async function readPages<Item>(
  api: Api,
  { target, query = {}, limit = Number.POSITIVE_INFINITY }: { target: string; query?: Query; limit?: number },
  schema: z.ZodType<Page<Item>>,
): Promise<Page<Item>> {
  const items: Item[] = [];
  for (let cursor: string | null = null; ; ) {
    const wanted = Math.min(maxItems, limit - items.length);
    const page: Page<Item> = await api.get(target, schema, {
      ...query,
      limit: wanted,
      ...(cursor && { cursor }),
    });
    items.push(...page.items);
    cursor = page.nextCursor;
    if (cursor === null || items.length >= limit) return { items, nextCursor: cursor };
  }
}
