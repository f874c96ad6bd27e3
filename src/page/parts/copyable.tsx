/** A text in a frame, with a button that copies it. `label` says what is copied. */
export function Copyable({ label, text, lang }: { label: string; text: string; lang?: string }) {
  return (
    <div class="copyable">
      <pre tabindex={0} aria-label={label} data-lang={lang}>
        <code>{text}</code>
      </pre>
      <button type="button" class="copy" data-copy aria-label={`Copy: ${label}`}>
        Copy
      </button>
    </div>
  );
}
