import type { Refusal } from '../api.ts';
import { curlOf, typescriptOf } from './code-samples.ts';
import { InvocationTable } from './invocations-page.tsx';
import type { Invocation } from './invocation-words.tsx';
import { LocationPage, pathOfTab } from '../location-page.tsx';
import { Confirm } from '../parts/confirm.tsx';
import { Copyable } from '../parts/copyable.tsx';
import { Form, FormMistake } from '../parts/form.tsx';
import { RegistrationFields } from './registration-fields.tsx';
import { type Registration, type RegistrationForm, toRegistrationForm } from './registration-form.ts';
import { Trial, type TrialState } from './trial.tsx';
import { sampleTrigger } from './trial-form.ts';
import type { NamedLocation } from '../view.ts';
import { hostOf } from '../words.ts';

/** What the page of a registered webhook shows. */
export type RegistrationState = {
  location: NamedLocation;
  /** Where apps reach Bellhop. */
  origin: string;
  webhook: Registration;
  invocations: Invocation[];
  /** What was typed, when it was refused or is not complete. */
  form?: RegistrationForm;
  refusal?: Refusal | null;
  hasNewHeader?: boolean;
  trial?: TrialState;
};

/** One registered webhook: a trial, how apps trigger it, what became of it, its settings, its end. */
export function RegistrationPage({
  location,
  origin,
  webhook,
  invocations,
  form = toRegistrationForm(webhook),
  refusal = null,
  hasNewHeader = false,
  trial,
}: RegistrationState) {
  const path = `${pathOfTab(location.id, 'registeredWebhooks')}/${webhook.id}`;
  return (
    <LocationPage location={location} tab="registeredWebhooks" title={webhook.id}>
      <div class="row head">
        <div>
          <h1 class="break">{webhook.id}</h1>
          <p class="lead mono break">
            {webhook.method ?? 'POST or GET'} {webhook.url}
          </p>
        </div>
      </div>
      {refusal?.errors.length === 0 && <FormMistake detail={refusal.detail} />}
      <Trial path={path} locationId={location.id} webhook={webhook} state={trial} />
      <Invocations path={path} locationId={location.id} invocations={invocations} />
      <Snippets origin={origin} locationId={location.id} webhook={webhook} />
      <section class="card">
        <h2>Settings</h2>
        <Form action={path} label="Settings">
          <RegistrationFields {...{ locationId: location.id, form, refusal, hasNewHeader }} />
          <button class="primary">Save</button>
        </Form>
      </section>
      <Ending path={path} webhook={webhook} />
    </LocationPage>
  );
}

type InvocationsProps = { path: string; locationId: string; invocations: Invocation[] };

function Invocations({ path, locationId, invocations }: InvocationsProps) {
  return (
    <section class="card">
      <h2>Invocations</h2>
      <InvocationTable locationId={locationId} invocations={invocations} />
      {invocations.length > 0 && (
        <p>
          <a href={`${path}/invocations`}>All invocations</a>
        </p>
      )}
    </section>
  );
}

type SnippetsProps = { origin: string; locationId: string; webhook: Registration };

function Snippets({ origin, locationId, webhook }: SnippetsProps) {
  const trigger = sampleTrigger(webhook);
  const url = `${origin}/v1/locations/${locationId}/webhooks/${webhook.id}/trigger`;
  return (
    <section class="card">
      <h2>In your app</h2>
      <p>
        With an API key that has the scope <code>webhooks:trigger</code>.
      </p>
      <h3>curl</h3>
      <Copyable label="curl" text={curlOf({ url, keyVariable: 'BELLHOP_KEY', body: trigger })} lang="sh" />
      <h3>TypeScript</h3>
      <Copyable
        label="TypeScript"
        text={typescriptOf({ origin, locationId, webhookId: webhook.id, trigger })}
        lang="ts"
      />
    </section>
  );
}

function Ending({ path, webhook }: { path: string; webhook: Registration }) {
  return (
    <section class="card">
      <h2>Delete</h2>
      <Confirm
        action={`${path}/delete`}
        open="Delete …"
        label={`Delete ${webhook.id}`}
        text={`Apps and flows that trigger ${webhook.id} get an error from then on, and nothing is sent to ${hostOf(webhook.url)} any more. Its headers and secret are erased. Its invocations stay on record.`}
        isDangerous
      />
    </section>
  );
}
