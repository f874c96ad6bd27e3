import type { Refusal } from '../api.ts';
import type { Endpoint } from '../endpoints/endpoints-page.tsx';
import { LocationPage, pathOfTab } from '../location-page.tsx';
import { Field, Form, FormMistake, mistakeAt } from '../parts/form.tsx';
import { outcomeWords } from '../parts/outcome.tsx';
import { ZonedTime } from '../parts/zoned-time.tsx';
import { lostOutcomes, type RangeForm, toRangeBody } from './range-form.ts';
import { count, hostAndPathOf, hostOf } from '../words.ts';
import type { NamedLocation } from '../view.ts';

/** What the page for the resend of a range shows. */
export type RangeState = {
  location: NamedLocation;
  endpoints: Endpoint[];
  form: RangeForm;
  refusal: Refusal | null;
  /** What a dry run counted; null before there was one. */
  counted: { resends: number; events: number } | null;
};

/** Sends once more what a webhook missed in a range of time: counted first, and then confirmed. */
export function ResendPage({ location, endpoints, form, refusal, counted }: RangeState) {
  const path = `/locations/${location.id}/resend`;
  return (
    <LocationPage location={location} tab="deliveries" title="Resend a range">
      <div class="head">
        <h1>Resend a range</h1>
        <p class="lead">
          Sends once more what one webhook missed. Nothing is sent before you have seen how much it is.
        </p>
      </div>
      {endpoints.length === 0 ? (
        <section class="card empty">
          <h2>No webhooks yet</h2>
          <p>What is resent goes to a webhook of this location, and there is none.</p>
          <a class="button" href={pathOfTab(location.id, 'deliveries')}>
            Back to the deliveries
          </a>
        </section>
      ) : (
        <form class="card" action={path} aria-label="Range">
          {refusal?.errors.length === 0 && <FormMistake detail={refusal.detail} />}
          <RangeFields endpoints={endpoints} form={form} refusal={refusal} />
          <button class={counted ? '' : 'primary'}>Count</button>
        </form>
      )}
      {counted && <Counted {...{ path, form, counted }} endpoints={endpoints} />}
    </LocationPage>
  );
}

function RangeFields({ endpoints, form, refusal }: Pick<RangeState, 'endpoints' | 'form' | 'refusal'>) {
  const mistakes = refusal?.errors ?? [];
  const { endpointId, from, to, zone } = form;
  return (
    <>
      <Field label="Webhook" name="endpointId" mistake={mistakeAt(mistakes, 'endpointId')}>
        {(attributes) => (
          <select {...attributes}>
            {endpoints.map(({ id, url }) => (
              <option value={id} selected={id === endpointId}>
                {hostAndPathOf(url)}
              </option>
            ))}
          </select>
        )}
      </Field>
      <div class="range">
        <ZonedTime
          label="From"
          name="from"
          value={from}
          zone={zone}
          mistake={mistakeAt(mistakes, 'from')}
          isRequired
        />
        <ZonedTime
          label="To"
          name="to"
          value={to}
          zone={zone}
          mistake={mistakeAt(mistakes, 'to')}
          isRequired
        />
      </div>
      <input type="hidden" name="zone" value={zone || 'UTC'} data-kept={zone ? true : undefined} />
      <Outcomes chosen={form.outcomes} mistake={mistakeAt(mistakes, 'outcomes')} />
    </>
  );
}

function Outcomes({ chosen, mistake }: { chosen: string[]; mistake: string | undefined }) {
  return (
    <fieldset>
      <legend>Deliveries that</legend>
      {[...lostOutcomes, 'delivered' as const].map((outcome) => (
        <label class="check">
          <input type="checkbox" name="outcomes" value={outcome} checked={chosen.includes(outcome)} />
          {outcomeWords(outcome)}
        </label>
      ))}
      {mistake && <p class="mistake">{mistake}</p>}
    </fieldset>
  );
}

type CountedProps = {
  path: string;
  endpoints: Endpoint[];
  form: RangeForm;
  counted: { resends: number; events: number };
};

/** What would be sent, and the button that sends it: the very range that was counted. */
function Counted({ path, endpoints, form, counted: { resends, events } }: CountedProps) {
  const host = hostOf(endpoints.find(({ id }) => id === form.endpointId)?.url ?? '');
  const { from, to, outcomes } = toRangeBody(form);
  if (resends === 0)
    return (
      <section class="card" role="status">
        <p>There is nothing to send again to {host} in this range. Tests and resends are left out.</p>
      </section>
    );
  return (
    <section class="card">
      <p role="status">
        <strong>
          {count(resends, 'delivery')} with {count(events, 'event')} will be sent again to {host}
        </strong>
        , oldest first, one at a time. What arrived after all arrives twice.
      </p>
      <Form action={path} label="Resend">
        <input type="hidden" name="endpointId" value={form.endpointId} />
        <input type="hidden" name="from" value={from} />
        <input type="hidden" name="to" value={to} />
        {outcomes.map((outcome) => (
          <input type="hidden" name="outcomes" value={outcome} />
        ))}
        <button class="primary">Resend {count(resends, 'delivery')}</button>
      </Form>
    </section>
  );
}
