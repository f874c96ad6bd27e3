import type { Refusal } from '../api.ts';
import { type Invocation, InvocationBadge } from './invocation-words.tsx';
import { LocationPage, pathOfTab } from '../location-page.tsx';
import { Fact } from '../parts/fact.tsx';
import { Field, Form, FormMistake, mistakeAt } from '../parts/form.tsx';
import { Pager } from '../parts/pager.tsx';
import { Time } from '../parts/time.tsx';
import { RegistrationFields } from './registration-fields.tsx';
import type { Registration, RegistrationForm } from './registration-form.ts';
import type { NamedLocation } from '../view.ts';
import { hostOf } from '../words.ts';

/** A registered webhook with its newest invocation. */
type ListedRegistration = { webhook: Registration; last: Invocation | null };

type Props = { location: NamedLocation; items: ListedRegistration[]; nextCursor: string | null };

/** The registered webhooks of a location. */
export function RegistrationsPage({ location, items, nextCursor }: Props) {
  const path = pathOfTab(location.id, 'registeredWebhooks');
  return (
    <LocationPage location={location} tab="registeredWebhooks">
      <div class="row head">
        <div>
          <h1>Registered webhooks</h1>
          <p class="lead">
            Requests to other services that your apps may trigger by a name, without knowing the URL or the
            password.
          </p>
        </div>
        <span class="space" />
        {items.length > 0 && (
          <a class="button primary" href={newPathOf(location)}>
            Register a webhook
          </a>
        )}
      </div>
      {items.length === 0 && <NoRegistrations path={newPathOf(location)} />}
      <ul class="cards">
        {items.map((item) => (
          <RegistrationCard path={`${path}/${item.webhook.id}`} {...item} />
        ))}
      </ul>
      <Pager path={path} nextCursor={nextCursor} />
    </LocationPage>
  );
}

function RegistrationCard({ path, webhook, last }: ListedRegistration & { path: string }) {
  return (
    <li class="card">
      <div class="row">
        <h2 class="mono break">
          <a href={path}>{webhook.id}</a>
        </h2>
        <span class="space" />
        {last && <InvocationBadge invocation={last} />}
      </div>
      <dl class="facts">
        <Fact name="Request">
          <span class="mono break">
            {webhook.method ?? 'POST or GET'} {hostOf(webhook.url)}
          </span>
        </Fact>
        <Fact name="Last invocation">
          <Time at={last?.createdAt ?? null} />
        </Fact>
      </dl>
    </li>
  );
}

/** Beside the tab, not below it: every name below belongs to a webhook. */
function newPathOf({ id }: NamedLocation): string {
  return `/locations/${id}/new-registered-webhook`;
}

function NoRegistrations({ path }: { path: string }) {
  return (
    <section class="card empty">
      <h2>No registered webhooks yet</h2>
      <p>
        Does an app of yours, a scoreboard or a photo booth perhaps, need to tell another service something?
        Register that request here once: its URL, and the key that the service asks for. The app then only
        says “trigger send-score” and gets the answer. It never sees the URL or the key, you can change both
        at any time, and every request is on record.
      </p>
      <a class="button primary" href={path}>
        Register the first webhook
      </a>
    </section>
  );
}

type NewProps = {
  location: NamedLocation;
  form: RegistrationForm;
  refusal?: Refusal | null;
  hasNewHeader?: boolean;
};

/** The form for a webhook that is to be registered. */
export function NewRegistrationPage({ location, form, refusal = null, hasNewHeader = false }: NewProps) {
  const path = pathOfTab(location.id, 'registeredWebhooks');
  return (
    <LocationPage location={location} tab="registeredWebhooks" title="Register a webhook">
      <h1>Register a webhook</h1>
      <Form action={newPathOf(location)} class="card" label="Register a webhook">
        {refusal?.errors.length === 0 && <FormMistake detail={refusal.detail} />}
        <Field
          label="Name"
          name="id"
          hint="By which apps trigger it: letters, digits, - and _. It stays for good."
          mistake={mistakeAt(refusal?.errors ?? [], 'id')}
        >
          {(attributes) => (
            <input
              {...attributes}
              class="mono"
              value={form.id}
              required
              maxlength={64}
              placeholder="send-score"
              autocomplete="off"
              spellcheck={false}
            />
          )}
        </Field>
        <RegistrationFields {...{ locationId: location.id, form, refusal, hasNewHeader }} />
        <div class="row actions">
          <button class="primary">Register the webhook</button>
          <a class="button" href={path}>
            Cancel
          </a>
        </div>
      </Form>
    </LocationPage>
  );
}
