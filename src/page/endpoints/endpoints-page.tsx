import type { z } from '@hono/zod-openapi';
import type { statsSchema } from '../../outbox/stats-routes.ts';
import type { endpointSchema } from '../../settings/endpoint.ts';
import type { Refusal } from '../api.ts';
import { EndpointFields } from './endpoint-fields.tsx';
import type { EndpointForm } from './endpoint-form.ts';
import { LocationPage, pathOfTab } from '../location-page.tsx';
import { EndpointHealth, HealthBadge } from '../parts/health.tsx';
import { Form, FormMistake } from '../parts/form.tsx';
import { Truncated } from '../parts/truncated.tsx';
import { FailingBanner, type Trouble } from '../parts/failing-banner.tsx';
import type { NamedLocation, PageEnv } from '../view.ts';
import { FailingChoice } from './failing-choice.tsx';

export type Endpoint = z.output<typeof endpointSchema>;
export type Stats = z.output<typeof statsSchema>;

type Props = {
  location: PageEnv['Variables']['location'];
  endpoints: Endpoint[];
  troubles: Trouble[];
  stats: Stats;
  /** Why the choice about failing ones was not stored. */
  refusal: Refusal | null;
};

/** The webhooks of a location, each with its health. */
export function EndpointsPage({ location, endpoints, troubles, stats, refusal }: Props) {
  const path = pathOfTab(location.id, 'webhooks');
  return (
    <LocationPage location={location} tab="webhooks">
      <div class="row head">
        <div>
          <h1>Webhooks</h1>
          <p class="lead">
            URLs that are told at once when a session at this location is created or deleted.
          </p>
        </div>
        <span class="space" />
        {endpoints.length > 0 && (
          <a class="button primary" href={`${path}/new`}>
            Add a webhook
          </a>
        )}
      </div>
      <FailingBanner location={location} troubles={troubles} />
      {endpoints.length === 0 && <NoEndpoints path={path} />}
      <ul class="cards">
        {endpoints.map((endpoint) => (
          <li class="card">
            <div class="row">
              <h2 class="mono">
                <a href={`${path}/${endpoint.id}`}>
                  <Truncated text={endpoint.url} />
                </a>
              </h2>
              <span class="space" />
              <HealthBadge endpoint={endpoint} stats={stats} />
            </div>
            {endpoint.description && <p>{endpoint.description}</p>}
            <EndpointHealth endpoint={endpoint} stats={stats} />
          </li>
        ))}
      </ul>
      {endpoints.length > 0 && (
        <FailingChoice path={path} hours={location.disableFailingAfterHours} refusal={refusal} />
      )}
    </LocationPage>
  );
}

function NoEndpoints({ path }: { path: string }) {
  return (
    <section class="card empty">
      <h2>No webhooks yet</h2>
      <p>
        A webhook is a web address of your website, till or display. Add it here, and we tell it as soon as
        somebody books or cancels a session. The developer of your integration knows the address.
      </p>
      <a class="button primary" href={`${path}/new`}>
        Add the first webhook
      </a>
    </section>
  );
}

type NewProps = {
  location: NamedLocation;
  form: EndpointForm;
  refusal?: Refusal | null;
  hasNewHeader?: boolean;
};

/** The form for a new webhook. */
export function NewEndpointPage({ location, form, refusal = null, hasNewHeader = false }: NewProps) {
  const path = pathOfTab(location.id, 'webhooks');
  return (
    <LocationPage location={location} tab="webhooks" title="Add a webhook">
      <h1>Add a webhook</h1>
      <Form action={path} class="card" label="Add a webhook">
        {refusal?.errors.length === 0 && <FormMistake detail={refusal.detail} />}
        <EndpointFields locationId={location.id} form={form} refusal={refusal} hasNewHeader={hasNewHeader} />
        <div class="row actions">
          <button class="primary">Add the webhook</button>
          <a class="button" href={path}>
            Cancel
          </a>
        </div>
      </Form>
    </LocationPage>
  );
}
