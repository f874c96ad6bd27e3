import type { Refusal } from '../api.ts';
import { AppWebhooks, type ListedAppWebhook } from './app-webhooks.tsx';
import { FlowFields } from './flow-fields.tsx';
import { type Flow, type FlowForm, toFlowForm } from './flow-form.ts';
import { FlowUrl } from './flow-url.tsx';
import { FlowBadge } from './flows-page.tsx';
import { LocationPage, pathOfTab } from '../location-page.tsx';
import { Confirm } from '../parts/confirm.tsx';
import { Form, FormMistake } from '../parts/form.tsx';
import type { Run } from './run-words.tsx';
import { RunTable } from './runs-page.tsx';
import type { TemplateForm } from './template-form.ts';
import { TemplateTrial } from './template-trial.tsx';
import type { NamedLocation } from '../view.ts';

/** What the page of a flow shows. */
export type FlowState = {
  location: NamedLocation;
  /** Where outside services reach us. */
  origin: string;
  flow: Flow;
  runs: Run[];
  appWebhooks: ListedAppWebhook[];
  /** What its templates can be tried on: its last run, where it has run. */
  sample: TemplateForm;
  /** What was typed, when it was refused or is not complete. */
  form?: FlowForm;
  refusal?: Refusal | null;
};

/** One flow: how to call it, what became of it, its steps, its templates, its end. */
export function FlowPage({ location, origin, flow, runs, appWebhooks, sample, form, refusal }: FlowState) {
  const path = `${pathOfTab(location.id, 'flows')}/${flow.name}`;
  return (
    <LocationPage location={location} tab="flows" title={flow.name}>
      <div class="row head">
        <h1 class="break">{flow.name}</h1>
        <span class="space" />
        <FlowBadge status={flow.status} />
      </div>
      {refusal?.errors.length === 0 && <FormMistake detail={refusal.detail} />}
      <FlowUrl origin={origin} path={path} flow={flow} sample={sample} />
      <Runs location={location} flow={flow} runs={runs} />
      <section class="card">
        <h2>Steps and response</h2>
        <Form action={path} label="Steps and response">
          <FlowFields locationId={location.id} form={form ?? toFlowForm(flow)} refusal={refusal ?? null} />
          <button class="primary">Save</button>
        </Form>
      </section>
      <section class="card">
        <h2>Try a template</h2>
        <TemplateTrial path={`/locations/${location.id}/template-trial`} form={sample} />
      </section>
      <AppWebhooks location={location} webhooks={appWebhooks} />
      <Ending path={path} flow={flow} />
    </LocationPage>
  );
}

function Runs({ location, flow, runs }: Pick<FlowState, 'location' | 'flow' | 'runs'>) {
  return (
    <section class="card">
      <h2>Runs</h2>
      {runs.length === 0 ? (
        <p class="muted">It has not run yet. Each run shows here, step by step.</p>
      ) : (
        <>
          <RunTable locationId={location.id} runs={runs} />
          <p>
            <a href={`/locations/${location.id}/runs?flow=${flow.name}`}>All runs</a>
          </p>
        </>
      )}
    </section>
  );
}

function Ending({ path, flow }: { path: string; flow: Flow }) {
  const isPaused = flow.status === 'paused';
  return (
    <section class="card">
      <h2>{isPaused ? 'Resume or delete' : 'Pause or delete'}</h2>
      <div class="row">
        <Form action={`${path}/status`} label={isPaused ? 'Resume' : 'Pause'}>
          <input type="hidden" name="status" value={isPaused ? 'live' : 'paused'} />
          <button>{isPaused ? 'Resume' : 'Pause'}</button>
        </Form>
        <p class="hint">
          {isPaused
            ? 'Its URLs run it again.'
            : 'While it is paused, callers are told so, nothing runs and nothing is stored.'}
        </p>
      </div>
      <Confirm
        action={`${path}/delete`}
        open="Delete …"
        label={`Delete ${flow.name}`}
        text={`The URL and the token of ${flow.name} end for good: a new flow of this name gets others. Its runs stay on record.`}
        isDangerous
      />
    </section>
  );
}
