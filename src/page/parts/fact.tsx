import type { Child } from 'hono/jsx';

/** One of the facts in a list of them (`dl.facts`). */
export function Fact({ name, children }: { name: string; children?: Child }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
