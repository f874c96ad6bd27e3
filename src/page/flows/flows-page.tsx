import type { Refusal } from '../api.ts';
import { AppWebhooks, type ListedAppWebhook } from './app-webhooks.tsx';
import { FlowFields } from './flow-fields.tsx';
import type { Flow, FlowForm } from './flow-form.ts';
import { LocationPage, pathOfTab } from '../location-page.tsx';
import { Fact } from '../parts/fact.tsx';
import { Field, Form, FormMistake, mistakeAt } from '../parts/form.tsx';
import { Pager } from '../parts/pager.tsx';
import { Time } from '../parts/time.tsx';
import { type Run, RunBadge } from './run-words.tsx';
import type { NamedLocation } from '../view.ts';
import { count } from '../words.ts';

/** A flow with its newest run. */
type ListedFlow = { flow: Flow; last: Run | null };

type Props = {
  location: NamedLocation;
  items: ListedFlow[];
  nextCursor: string | null;
  appWebhooks: ListedAppWebhook[];
};

/** The flows of a location. */
export function FlowsPage({ location, items, nextCursor, appWebhooks }: Props) {
  const path = pathOfTab(location.id, 'flows');
  return (
    <LocationPage location={location} tab="flows">
      <div class="row head">
        <div>
          <h1>Flows</h1>
          <p class="lead">Steps that another service runs by calling a URL, and what it is answered.</p>
        </div>
        <span class="space" />
        {items.length > 0 && (
          <>
            <a class="button" href={`/locations/${location.id}/runs`}>
              See runs
            </a>
            <a class="button primary" href={newPathOf(location)}>
              Make a flow
            </a>
          </>
        )}
      </div>
      {items.length === 0 && <NoFlows location={location} />}
      <ul class="cards">
        {items.map((item) => (
          <FlowCard path={`${path}/${item.flow.name}`} {...item} />
        ))}
      </ul>
      <Pager path={path} nextCursor={nextCursor} />
      {appWebhooks.length > 0 && <AppWebhooks location={location} webhooks={appWebhooks} />}
    </LocationPage>
  );
}

/** Beside the tab, not below it: every name below belongs to a flow. */
function newPathOf({ id }: NamedLocation): string {
  return `/locations/${id}/new-flow`;
}

function FlowCard({ path, flow, last }: ListedFlow & { path: string }) {
  return (
    <li class="card">
      <div class="row">
        <h2 class="mono break">
          <a href={path}>{flow.name}</a>
        </h2>
        <span class="space" />
        <FlowBadge status={flow.status} />
      </div>
      <dl class="facts">
        <Fact name="Steps">{count(flow.steps.length, 'step')}</Fact>
        <Fact name="Runs">{flow.async ? 'later' : 'at once'}</Fact>
        <Fact name="Last run">
          <span class="row">
            <Time at={last?.createdAt ?? null} />
            {last && <RunBadge status={last.status} />}
          </span>
        </Fact>
      </dl>
    </li>
  );
}

const states: Record<Flow['status'], { word: string; look: string }> = {
  draft: { word: 'Draft', look: 'sending' },
  live: { word: 'Live', look: 'delivered' },
  paused: { word: 'Paused', look: 'skipped' },
};

/** Whether a flow runs, in a word. */
export function FlowBadge({ status }: { status: Flow['status'] }) {
  const { word, look } = states[status];
  return <span class={`state ${look}`}>{word}</span>;
}

function NoFlows({ location }: { location: NamedLocation }) {
  return (
    <section class="card empty">
      <h2>No flows yet</h2>
      <p>
        Does another service, a booking site perhaps, have something to tell you? A flow gives it a URL to
        call. Each call runs your steps: make a session event here, ask a registered webhook, or both. The
        caller gets the answer that you write, and every run is on record, step by step.
      </p>
      <a class="button primary" href={newPathOf(location)}>
        Make the first flow
      </a>
    </section>
  );
}

type NewProps = { location: NamedLocation; form: FlowForm; refusal?: Refusal | null };

/** The form for a flow that is to be made. */
export function NewFlowPage({ location, form, refusal = null }: NewProps) {
  return (
    <LocationPage location={location} tab="flows" title="Make a flow">
      <div class="row head">
        <h1>Make a flow</h1>
        <span class="space" />
        <a href={`/locations/${location.id}/template-trial`}>Try a template</a>
      </div>
      <Form action={newPathOf(location)} class="card" label="Make a flow">
        {refusal?.errors.length === 0 && <FormMistake detail={refusal.detail} />}
        <Field
          label="Name"
          name="name"
          hint="Letters, digits, - _ and . only. It stays for good: apps name it as their action."
          mistake={mistakeAt(refusal?.errors ?? [], 'id')}
        >
          {(attributes) => (
            <input
              {...attributes}
              class="mono"
              value={form.name}
              required
              maxlength={100}
              placeholder="book-session"
              autocomplete="off"
              spellcheck={false}
            />
          )}
        </Field>
        <FlowFields locationId={location.id} form={form} refusal={refusal} />
        <div class="row actions">
          <button class="primary">Make the flow</button>
          <a class="button" href={pathOfTab(location.id, 'flows')}>
            Cancel
          </a>
        </div>
      </Form>
    </LocationPage>
  );
}
