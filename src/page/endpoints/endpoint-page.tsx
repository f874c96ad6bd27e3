import type { z } from '@hono/zod-openapi';
import type { deliverySchema } from '../../outbox/delivery.ts';
import type { Refusal } from '../api.ts';
import { EndpointFields } from './endpoint-fields.tsx';
import type { EndpointForm } from './endpoint-form.ts';
import type { Endpoint, Stats } from './endpoints-page.tsx';
import { LocationPage, pathOfTab } from '../location-page.tsx';
import { Confirm } from '../parts/confirm.tsx';
import { Form, FormMistake } from '../parts/form.tsx';
import { EndpointHealth, HealthBadge } from '../parts/health.tsx';
import { OverlapField } from '../parts/overlap-field.tsx';
import { ToldDelivery } from '../parts/told-delivery.tsx';
import { hostOf } from '../words.ts';
import type { NamedLocation } from '../view.ts';

type Delivery = z.output<typeof deliverySchema>;

/** What a webhook's page shows. */
export type EndpointState = {
  location: NamedLocation;
  endpoint: Endpoint;
  stats: Stats;
  /** What was typed, when it was refused or is not complete. */
  form?: EndpointForm | undefined;
  refusal: Refusal | null;
  hasNewHeader?: boolean;
  test?: Delivery | null;
};

/** One webhook: how it is doing, a test, its settings, its secret, its end. */
export function EndpointPage({
  location,
  endpoint,
  stats,
  form,
  refusal,
  hasNewHeader = false,
  test,
}: EndpointState) {
  const path = `${pathOfTab(location.id, 'webhooks')}/${endpoint.id}`;
  return (
    <LocationPage location={location} tab="webhooks" title={hostOf(endpoint.url)}>
      <div class="row head">
        <h1 class="mono break">{endpoint.url}</h1>
        <span class="space" />
        <HealthBadge endpoint={endpoint} stats={stats} />
      </div>
      {refusal?.errors.length === 0 && <FormMistake detail={refusal.detail} />}
      {endpoint.disabledReason && (
        <p class="notice bad" role="status">
          We switched it off. {endpoint.disabledReason}
        </p>
      )}
      <section class="card" aria-label="Health">
        <EndpointHealth endpoint={endpoint} stats={stats} />
        <p>
          <a href={`${pathOfTab(location.id, 'deliveries')}?endpointId=${endpoint.id}`}>See its deliveries</a>
        </p>
      </section>
      <Test path={path} locationId={location.id} test={test ?? null} />
      <section class="card">
        <h2>Settings</h2>
        <Form action={path} label="Settings">
          <EndpointFields
            locationId={location.id}
            form={form ?? toForm(endpoint)}
            refusal={refusal}
            hasNewHeader={hasNewHeader}
          />
          <button class="primary">Save</button>
        </Form>
      </section>
      <Secret path={path} endpoint={endpoint} />
      <Ending path={path} endpoint={endpoint} />
    </LocationPage>
  );
}

function toForm({ url, description, actions, headers }: Endpoint): EndpointForm {
  const stored = Object.keys(headers).map((name) => ({ name, value: '', isStored: true }));
  return { url, description, actions, headers: stored };
}

function Test({ path, locationId, test }: { path: string; locationId: string; test: Delivery | null }) {
  return (
    <section class="card">
      <h2>Is it reachable?</h2>
      <p>Sends one sample event, the way every event is sent, and tells how it went.</p>
      <Form action={`${path}/test`} target="test-result" label="Test">
        <button>Send test</button>
        <span class="busy" role="status">
          Sending …
        </span>
      </Form>
      <TestResult delivery={test} refusal={null} locationId={locationId} />
    </section>
  );
}

type TestResultProps = { delivery: Delivery | null; refusal: Refusal | null; locationId: string };

/** How a test went; empty before there was one. */
export function TestResult({ delivery, refusal, locationId }: TestResultProps) {
  return (
    <div id="test-result" role="status">
      {refusal && <p class="notice bad">{refusal.detail}</p>}
      {delivery && (
        <ToldDelivery
          delivery={delivery}
          path={`${pathOfTab(locationId, 'deliveries')}/${delivery.id}`}
          link="See what was sent"
        />
      )}
    </div>
  );
}

function Secret({ path, endpoint }: { path: string; endpoint: Endpoint }) {
  return (
    <section class="card">
      <h2>Signing secret</h2>
      <p>
        Every request is signed with it, so that the receiver knows that it is from us. The one in use ends
        with <code>{endpoint.secretHint}</code>.
      </p>
      <Confirm
        action={`${path}/rotate`}
        open="Rotate secret …"
        label="Rotate secret"
        text="A new secret is made and shown once. For as long as you choose, requests carry both signatures, so that the receiver goes on with the old one until its developer has put in the new one."
      >
        <OverlapField what="secret" />
      </Confirm>
    </section>
  );
}

function Ending({ path, endpoint }: { path: string; endpoint: Endpoint }) {
  return (
    <section class="card">
      <h2>{endpoint.enabled ? 'Pause or delete' : 'Resume or delete'}</h2>
      <div class="row">
        <Form action={`${path}/enabled`} label={endpoint.enabled ? 'Pause' : 'Resume'}>
          <input type="hidden" name="enabled" value={String(!endpoint.enabled)} />
          <button>{endpoint.enabled ? 'Pause' : 'Resume'}</button>
        </Form>
        <p class="hint">
          {endpoint.enabled
            ? 'While it is paused, events are skipped. They stay in the log, and can be read later.'
            : 'Events that come from then on are sent to it. What it missed stays in the log.'}
        </p>
      </div>
      <Confirm
        action={`${path}/delete`}
        open="Delete …"
        label={`Delete ${hostOf(endpoint.url)}`}
        text={`${endpoint.url} gets no more events, its secret and headers are erased, and what waits for it is skipped. Its deliveries stay in the log.`}
        isDangerous
      />
    </section>
  );
}
