import { outcomes } from '../../db/schema.ts';
import type { Mistake } from '../../http/problem.ts';
import type { DeliveryFilters } from './delivery-filters.ts';
import type { Endpoint } from '../endpoints/endpoints-page.tsx';
import { Field, mistakeAt } from '../parts/form.tsx';
import { outcomeWords } from '../parts/outcome.tsx';
import { ZonedTime } from '../parts/zoned-time.tsx';
import { hostAndPathOf } from '../words.ts';

type Props = { path: string; filters: DeliveryFilters; mistakes: Mistake[]; endpoints: Endpoint[] };

/** What of the log is to be shown; it works without scripts. */
export function DeliveryFilterForm({ path, filters, mistakes, endpoints }: Props) {
  const { endpointId, outcome, uuid, span, from, to, zone } = filters;
  const known = endpoints.map(({ id, url }) => ({ value: id, words: hostAndPathOf(url) }));
  const isDeleted = endpointId !== '' && endpoints.every(({ id }) => id !== endpointId);
  return (
    <form class="filters" action={path} aria-label="Filters">
      <Choice
        label="Webhook"
        name="endpointId"
        chosen={endpointId}
        mistake={mistakeAt(mistakes, 'endpointId')}
        options={[
          { value: '', words: 'All' },
          ...known,
          ...(isDeleted ? [{ value: endpointId, words: 'A deleted webhook' }] : []),
        ]}
      />
      <Choice
        label="Outcome"
        name="outcome"
        chosen={outcome}
        mistake={mistakeAt(mistakes, 'outcome')}
        options={[
          { value: '', words: 'All' },
          ...outcomes.map((value) => ({ value, words: outcomeWords(value) })),
        ]}
      />
      <Choice label="Time" name="span" chosen={span} options={spanOptions} />
      <ZonedTime label="From" name="from" value={from} zone={zone} mistake={mistakeAt(mistakes, 'from')} />
      <ZonedTime label="To" name="to" value={to} zone={zone} mistake={mistakeAt(mistakes, 'to')} />
      <input type="hidden" name="zone" value={zone} data-kept={zone ? true : undefined} />
      <Field label="Session id" name="session" mistake={mistakeAt(mistakes, 'uuid')}>
        {(attributes) => (
          <input {...attributes} name="uuid" value={uuid} autocomplete="off" spellcheck={false} />
        )}
      </Field>
      <button>Filter</button>
    </form>
  );
}

const spanOptions = [
  { value: '', words: 'Any time' },
  { value: 'hour', words: 'Last hour' },
  { value: 'day', words: 'Last 24 hours' },
  { value: 'week', words: 'Last 7 days' },
  { value: 'between', words: 'Between …' },
];

type ChoiceProps = {
  label: string;
  name: string;
  chosen: string;
  options: { value: string; words: string }[];
  mistake?: string | undefined;
};

function Choice({ label, name, chosen, options, mistake }: ChoiceProps) {
  return (
    <Field label={label} name={name} mistake={mistake}>
      {(attributes) => (
        <select {...attributes}>
          {options.map(({ value, words }) => (
            <option value={value} selected={value === chosen}>
              {words}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}
