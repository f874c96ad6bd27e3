import { Field } from './form.tsx';

/** For how long the old secret or token stays valid beside the new one. */
export function OverlapField({ what }: { what: 'secret' | 'token' }) {
  return (
    <Field label={`The old ${what} stays valid for`} name="overlapHours">
      {(attributes) => (
        <select {...attributes}>
          <option value="0">no time: it may have leaked</option>
          <option value="1">1 hour</option>
          <option value="24" selected>
            24 hours
          </option>
          <option value="168">7 days</option>
        </select>
      )}
    </Field>
  );
}
