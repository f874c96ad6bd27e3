/** Characters of a long text that always show at its end, where URLs differ. */
const tailLength = 14;

/** A long text in one line, cut in its middle where it does not fit. Read and copied, it is whole. */
export function Truncated({ text }: { text: string }) {
  if (text.length <= 2 * tailLength) return <span class="uncut">{text}</span>;
  return (
    <span class="cut" title={text}>
      <span class="cut-head">{text.slice(0, -tailLength)}</span>
      <span class="cut-tail">{text.slice(-tailLength)}</span>
    </span>
  );
}
