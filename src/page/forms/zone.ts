/**
 * The point in time that a clock in a zone shows, for a field of a form; what cannot be read stays as it is, for the API
 * to say so.
 * @param local as `<input type="datetime-local">` sends it.
 * @param zone an IANA name, as browsers tell theirs; UTC when it is unknown.
 * @example toInstant('2026-11-22T20:28', 'Europe/Berlin'); // '2026-11-22T19:28:00.000Z'
 */
export function toInstant(local: string, zone: string): string {
  const shown = new Date(`${local}Z`);
  if (Number.isNaN(shown.getTime())) return local;
  // Twice: the first guess may lie on the other side of a change of the clock.
  const guess = new Date(shown.getTime() - offsetMs(shown, zone));
  return new Date(shown.getTime() - offsetMs(guess, zone)).toISOString();
}

function offsetMs(at: Date, zone: string): number {
  const parts = formatterOf(zone).formatToParts(at);
  const [year, month, day, hour, minute, second] = ['year', 'month', 'day', 'hour', 'minute', 'second'].map(
    (type) => Number(parts.find((part) => part.type === type)?.value),
  );
  const shown = Date.UTC(year ?? 0, (month ?? 1) - 1, day, hour, minute, second);
  return shown - Math.floor(at.getTime() / 1000) * 1000;
}

function formatterOf(zone: string): Intl.DateTimeFormat {
  const options = {
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
  } as const;
  try {
    return new Intl.DateTimeFormat('en', { ...options, timeZone: zone });
  } catch {
    return new Intl.DateTimeFormat('en', { ...options, timeZone: 'UTC' });
  }
}
