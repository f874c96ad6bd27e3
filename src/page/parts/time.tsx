/**
 * A point in time: exact in UTC until the browser tells it in its own zone, and how long ago it was.
 * @param format `relative`: "3 minutes ago", with the exact time on hover; `exact`: date and time.
 */
export function Time({ at, format = 'relative' }: { at: string | null; format?: 'relative' | 'exact' }) {
  if (!at) return <span class="muted">never</span>;
  const exact = `${at.slice(0, 10)} ${at.slice(11, 19)} UTC`;
  return (
    <time datetime={at} title={exact} data-format={format}>
      {exact}
    </time>
  );
}
