import type { FormValues } from '../forms/form-values.ts';
import type { Refusal } from '../api.ts';
import { Field, Form, FormMistake } from '../parts/form.tsx';
import { count } from '../words.ts';

/** Hours that are offered: a day, three, five and a week. */
const offered = [24, 72, 120, 168];

type Props = {
  path: string;
  /** The choice that is stored; null: never. */
  hours: number | null;
  refusal: Refusal | null;
};

/** Whether webhooks of a location that keep failing are switched off. */
export function FailingChoice({ path, hours, refusal }: Props) {
  const all = hours === null || offered.includes(hours) ? offered : [hours, ...offered];
  return (
    <section class="card">
      <h2>When a webhook keeps failing</h2>
      <p>
        It is shown here, and the operator of this service is told. Events go on being sent to it, so that it
        works again as soon as it is repaired. If you would rather have it switched off, choose after how
        long: what it misses from then on stays in the log, and somebody has to resume it here.
      </p>
      <Form action={`${path}/failing`} label="When a webhook keeps failing">
        <FormMistake detail={refusal?.detail} />
        <Field label="A webhook that keeps failing" name="hours">
          {(attributes) => (
            <select {...attributes}>
              <option value="" selected={hours === null}>
                stays on
              </option>
              {all.map((one) => (
                <option value={String(one)} selected={one === hours}>
                  is switched off after {one % 24 === 0 ? count(one / 24, 'day') : count(one, 'hour')}
                </option>
              ))}
            </select>
          )}
        </Field>
        <button>Save</button>
      </Form>
    </section>
  );
}

/** Reads the choice. @returns hours; null: never. */
export function readFailingChoice(values: FormValues): number | null {
  const hours = values.one('hours');
  return hours === '' ? null : Number(hours);
}
