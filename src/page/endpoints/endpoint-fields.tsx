import { mistakeAt, Field } from '../parts/form.tsx';
import type { Refusal } from '../api.ts';
import type { EndpointForm } from './endpoint-form.ts';
import { HeaderRows } from '../parts/header-rows.tsx';
import { UrlField } from '../forms/url-field.tsx';

type Props = { locationId: string; form: EndpointForm; refusal: Refusal | null; hasNewHeader: boolean };

/** The settings of a webhook, to be typed. */
export function EndpointFields({ locationId, form, refusal, hasNewHeader }: Props) {
  const mistakes = refusal?.errors ?? [];
  return (
    <>
      <UrlField
        locationId={locationId}
        value={form.url}
        hint="Where we POST the events to. It must be reachable from the internet; https is best."
        placeholder="https://booking.example.com/hooks/vr"
        mistake={mistakeAt(mistakes, 'url')}
      />
      <Field
        label="Description"
        name="description"
        hint="For you. Nobody else sees it."
        mistake={mistakeAt(mistakes, 'description')}
      >
        {(attributes) => <input {...attributes} value={form.description} maxlength={500} />}
      </Field>
      <Actions chosen={form.actions} mistake={mistakeAt(mistakes, 'actions')} />
      <HeaderRows
        headers={form.headers}
        hint="Sent with every request, for receivers that ask for a key of their own. Values are stored encrypted and never shown again. To remove a header, empty its name."
        mistake={mistakeAt(mistakes, 'headers')}
        hasNewHeader={hasNewHeader}
      />
    </>
  );
}

const actionWords = { create: 'A session was created', delete: 'A session was deleted' } as const;

function Actions({ chosen, mistake }: { chosen: string[]; mistake: string | undefined }) {
  return (
    <fieldset>
      <legend>Send when</legend>
      {Object.entries(actionWords).map(([action, words]) => (
        <label class="check">
          <input type="checkbox" name="actions" value={action} checked={chosen.includes(action)} />
          {words} <code>{action}</code>
        </label>
      ))}
      {mistake && <p class="mistake">{mistake}</p>}
    </fieldset>
  );
}
