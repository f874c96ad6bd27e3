import type { Child } from 'hono/jsx';
import { Form } from './form.tsx';

type Props = {
  action: string;
  /** The button that opens the question. */
  open: string;
  /** What will happen, before it does. */
  text: string;
  /** The button that does it: a verb with what it is done to. */
  label: string;
  isDangerous?: boolean;
  children?: Child;
};

/** A deed that is asked about once: a button opens what will happen, and the button that does it. */
export function Confirm({ action, open, text, label, isDangerous = false, children }: Props) {
  return (
    <details class="confirm">
      <summary class={isDangerous ? 'button danger' : 'button'}>{open}</summary>
      <Form action={action} label={label}>
        <p class="break">{text}</p>
        {children}
        <button class={isDangerous ? 'primary danger' : 'primary'}>{label}</button>
      </Form>
    </details>
  );
}
