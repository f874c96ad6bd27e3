import { Field } from './form.tsx';

type Props = {
  label: string;
  name: string;
  value: string;
  /** The zone that it was typed in; empty: that of whoever looks, or UTC without scripts. */
  zone: string;
  mistake?: string | undefined;
  isRequired?: boolean;
};

/** A field for a point in time, which belongs to a hidden field `zone` in the same form. */
export function ZonedTime({ label, name, value, zone, mistake, isRequired = false }: Props) {
  return (
    <div class="between">
      <Field label={label} name={name} mistake={mistake} hint={<Zone zone={zone} />}>
        {(attributes) => <input {...attributes} type="datetime-local" value={value} required={isRequired} />}
      </Field>
    </div>
  );
}

function Zone({ zone }: { zone: string }) {
  return zone ? (
    <>in {zone}</>
  ) : (
    <>
      in <span data-zone>UTC</span>
    </>
  );
}
