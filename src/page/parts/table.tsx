import type { Child } from 'hono/jsx';

/** The head of a column: its words, and whether it is one of figures, which stand below each other. */
type Head = string | { words: string; isNumber: true };

type Props = { heads: Head[]; children?: Child };

/** A table whose rows are cards on a phone: there each `<td data-label>` says itself what it shows. */
export function Table({ heads, children }: Props) {
  return (
    <TableFrame heads={heads}>
      <tbody>{children}</tbody>
    </TableFrame>
  );
}

/** A table without its body, for one that is more than rows. */
export function TableFrame({ heads, children }: Props) {
  return (
    <div class="table">
      <table>
        <thead>
          <tr>
            {heads.map((head) =>
              typeof head === 'string' ? (
                <th scope="col">{head}</th>
              ) : (
                <th scope="col" class="number">
                  {head.words}
                </th>
              ),
            )}
          </tr>
        </thead>
        {children}
      </table>
    </div>
  );
}

/** The head of a column of figures. */
export function number(words: string): Head {
  return { words, isNumber: true };
}
