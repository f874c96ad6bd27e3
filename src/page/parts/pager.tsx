/** The way to the next page of a list, and back to the first. Filters are part of the path. */
export function Pager({
  path,
  nextCursor,
  isFirst = true,
}: {
  path: string;
  nextCursor: string | null;
  isFirst?: boolean;
}) {
  if (isFirst && !nextCursor) return null;
  const [base = '', query = ''] = path.split('?');
  const next = new URLSearchParams(query);
  if (nextCursor) next.set('cursor', nextCursor);
  return (
    <nav class="pager" aria-label="Pages">
      {isFirst ? <span /> : <a href={path}>Back to the newest</a>}
      {nextCursor && <a href={`${base}?${next}`}>Older</a>}
    </nav>
  );
}
