import { runStatuses } from '../../db/schema.ts';
import { LocationPage, pathOfTab } from '../location-page.tsx';
import { Field } from '../parts/form.tsx';
import { Pager } from '../parts/pager.tsx';
import { Time } from '../parts/time.tsx';
import { type Run, RunBadge, sourceWords, tellRunDuration, wordOf } from './run-words.tsx';
import type { NamedLocation } from '../view.ts';
import { number, Table } from '../parts/table.tsx';

/** Runs, newest first. */
export function RunTable({ locationId, runs }: { locationId: string; runs: Run[] }) {
  return (
    <Table heads={['When', 'Flow', 'Status', 'Begun by', number('Duration')]}>
      {runs.map((run) => (
        <RunRow locationId={locationId} run={run} />
      ))}
    </Table>
  );
}

function RunRow({ locationId, run }: { locationId: string; run: Run }) {
  return (
    <tr>
      <td data-label="When">
        <a href={`/locations/${locationId}/runs/${run.id}`}>
          <Time at={run.createdAt} />
        </a>
      </td>
      <td data-label="Flow" class="mono break">
        {run.flow.name}
      </td>
      <td data-label="Status">
        <RunBadge status={run.status} />
      </td>
      <td data-label="Begun by">{sourceWords[run.source]}</td>
      <td data-label="Duration" class="number">
        {tellRunDuration(run)}
      </td>
    </tr>
  );
}

/** What runs are looked for. Empty: all. */
type RunFilter = { flow: string; status: string };

type Props = {
  location: NamedLocation;
  filter: RunFilter;
  runs: Run[];
  nextCursor: string | null;
  isFirst: boolean;
};

/** The runs of a location that are on record, a page at a time. */
export function RunsPage({ location, filter, runs, nextCursor, isFirst }: Props) {
  const path = `/locations/${location.id}/runs`;
  const isFiltered = filter.flow !== '' || filter.status !== '';
  return (
    <LocationPage location={location} tab="flows" title="Runs">
      <div class="row head">
        <h1>Runs</h1>
        <span class="space" />
        <a href={pathOfTab(location.id, 'flows')}>All flows</a>
      </div>
      <Filters path={path} filter={filter} />
      {runs.length > 0 ? (
        <RunTable locationId={location.id} runs={runs} />
      ) : (
        <p class="muted">
          {isFiltered ? 'No runs are like that.' : 'No flow has run yet. Each run shows here, step by step.'}
        </p>
      )}
      <Pager
        path={`${path}?${new URLSearchParams(filter).toString()}`}
        nextCursor={nextCursor}
        isFirst={isFirst}
      />
    </LocationPage>
  );
}

function Filters({ path, filter }: { path: string; filter: RunFilter }) {
  return (
    <form class="filters" action={path} aria-label="Filters">
      <Field label="Flow" name="flow">
        {(attributes) => (
          <input
            {...attributes}
            type="search"
            value={filter.flow}
            placeholder="all"
            pattern="[A-Za-z0-9_.\-]*"
          />
        )}
      </Field>
      <Field label="Status" name="status">
        {(attributes) => (
          <select {...attributes}>
            <option value="">all</option>
            {runStatuses.map((status) => (
              <option value={status} selected={status === filter.status}>
                {wordOf(status)}
              </option>
            ))}
          </select>
        )}
      </Field>
      <button>Show</button>
    </form>
  );
}
