import type { Child } from 'hono/jsx';
import type { TypedHeader } from '../forms/header-values.ts';

type Props = {
  headers: TypedHeader[];
  /** What they are for, and what an empty value means. */
  hint: Child;
  mistake: string | undefined;
  /** Whether there is a row for one more, which takes the focus. */
  hasNewHeader: boolean;
  /** What an empty value of a new header stands for. */
  emptyValue?: string;
};

/** Custom headers in rows, whose stored values can be replaced and never read. */
export function HeaderRows({ headers, hint, mistake, hasNewHeader, emptyValue = 'value' }: Props) {
  const rows = hasNewHeader ? [...headers, { name: '', value: '', isStored: false }] : headers;
  return (
    <fieldset>
      <legend>Custom headers</legend>
      <p class="hint">{hint}</p>
      {rows.map(({ name, value, isStored }, n) => (
        <div class="pair">
          <input type="hidden" name="storedHeader" value={isStored ? name : ''} />
          <input
            name="headerName"
            value={name}
            aria-label={`Name of header ${n + 1}`}
            placeholder="x-api-key"
            autofocus={hasNewHeader && n === rows.length - 1 ? true : undefined}
          />
          <input
            name="headerValue"
            value={value}
            aria-label={`Value of header ${n + 1}`}
            placeholder={isStored ? '•••••• (stays as it is)' : emptyValue}
            autocomplete="off"
          />
        </div>
      ))}
      {mistake && (
        <p class="mistake" role="alert">
          {mistake}
        </p>
      )}
      <button name="intent" value="addHeader" formnovalidate>
        Add a header
      </button>
    </fieldset>
  );
}
