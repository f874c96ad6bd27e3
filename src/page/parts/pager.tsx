type Props = {
  /** Where the list is, with its filters if it has any. */
  path: string;
  nextCursor: string | null;
  isFirst?: boolean;
};

/** Leads on through a list, whose place is in the URL; nothing where the list has one page only. */
export function Pager({ path, nextCursor, isFirst = true }: Props) {
  if (nextCursor === null && isFirst) return null;
  const joint = path.includes('?') ? '&' : '?';
  return (
    <nav class="pager" aria-label="Pages">
      {isFirst ? (
        <span />
      ) : (
        <a class="button" href={path}>
          First page
        </a>
      )}
      {nextCursor !== null && (
        <a class="button" href={`${path}${joint}cursor=${encodeURIComponent(nextCursor)}`}>
          Next page
        </a>
      )}
    </nav>
  );
}
