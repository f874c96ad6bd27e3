import type { Child } from 'hono/jsx';
import type { Mistake } from '../../http/problem.ts';
import { useView } from '../view.ts';

type FormProps = {
  action: string;
  class?: string;
  /** Names the form for screen readers, where no heading does. */
  label?: string;
  /** The id of the element that its answer replaces, where scripts run; without them the answer is a page. */
  target?: string;
  children?: Child;
};

/** A form that POSTs, with the token that shows where it comes from. */
export function Form({ action, label, target, children, ...more }: FormProps) {
  const { csrf } = useView();
  const live = target && {
    'hx-post': action,
    'hx-target': `#${target}`,
    'hx-swap': 'outerHTML',
    'hx-disabled-elt': 'find button',
  };
  return (
    <form method="post" action={action} aria-label={label} {...live} {...more}>
      <input type="hidden" name="csrf" value={csrf} />
      {children}
    </form>
  );
}

type FieldProps = {
  label: string;
  name: string;
  /** What is meant, below the label. */
  hint?: Child;
  /** What is wrong with it, below the input. The first field with a mistake takes the focus. */
  mistake?: string | undefined;
  hasFocus?: boolean;
  children: (attributes: InputAttributes) => Child;
};

/** What ties an input to its label, its hint and its mistake. */
export type InputAttributes = {
  id: string;
  name: string;
  'aria-describedby'?: string;
  'aria-invalid'?: 'true';
  autofocus?: true;
};

/** A label, its hint, its input, and what is wrong with what was typed. */
export function Field({ label, name, hint, mistake, hasFocus, children }: FieldProps) {
  const hintId = `${name}-hint`;
  const mistakeId = `${name}-mistake`;
  const describedBy = [hint && hintId, mistake && mistakeId].filter(Boolean).join(' ');
  return (
    <div class="field">
      <label for={name}>{label}</label>
      {hint && (
        <p class="hint" id={hintId}>
          {hint}
        </p>
      )}
      {children({
        id: name,
        name,
        ...(describedBy && { 'aria-describedby': describedBy }),
        ...(mistake && { 'aria-invalid': 'true' as const }),
        ...((hasFocus || mistake) && { autofocus: true as const }),
      })}
      {mistake && (
        <p class="mistake" id={mistakeId}>
          {mistake}
        </p>
      )}
    </div>
  );
}

/** What is wrong with the member of a request at a path, or below it, as a sentence. */
export function mistakeAt(mistakes: Mistake[], path: string): string | undefined {
  const found = mistakes.find((mistake) => mistake.path === path || mistake.path.startsWith(`${path}.`));
  if (!found) return undefined;
  const text = /^(must|is|has|names) /.test(found.message) ? `It ${found.message}` : found.message;
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? '' : '.'}`;
}

/** What is wrong with a form as a whole, and how many of its fields are concerned. */
export function FormMistake({ detail }: { detail: string | undefined }) {
  if (!detail) return null;
  return (
    <p class="notice bad" role="alert">
      {detail}
    </p>
  );
}
