import type { z } from '@hono/zod-openapi';
import type { Child } from 'hono/jsx';
import type { scopes } from '../db/schema.ts';
import type { keySchema } from '../settings/key-routes.ts';
import type { Refusal } from './api.ts';
import type { KeyForm } from './key-form.ts';
import { Layout } from './layout.tsx';
import { LocationPage } from './location-page.tsx';
import { Confirm } from './parts/confirm.tsx';
import { Field, Form, FormMistake, mistakeAt } from './parts/form.tsx';
import { Pager } from './parts/pager.tsx';
import { Time } from './parts/time.tsx';
import type { NamedLocation } from './view.ts';

type Key = z.output<typeof keySchema>;
type Scope = (typeof scopes)[number];

/** Where keys are shown: at a location, or (null) beside all of them. */
type Place = { location: NamedLocation | null; path: string };

/** What the list of keys shows. */
export type KeysState = {
  place: Place;
  keys: { items: Key[]; nextCursor: string | null };
  refusal: Refusal | null;
  now: Date;
};

/** What each scope lets a key do, in words. */
const scopeWords: Record<Scope, string> = {
  'events:write': 'Hand over events: what the booking system needs',
  'events:read': 'Read events, deliveries and statistics, and catch up after downtime',
  'settings:read': 'See webhooks, registered webhooks, flows and runs',
  'settings:write': 'Change all of these, send tests and resend deliveries',
  'webhooks:trigger': 'Trigger registered webhooks',
  'metrics:read': 'Read metrics, for monitoring',
  admin: 'Everything, also making and revoking keys',
};

function Frame({ place, title, children }: { place: Place; title?: string; children?: Child }) {
  const { location } = place;
  if (location)
    return (
      <LocationPage location={location} tab="api" {...(title && { title })}>
        {children}
      </LocationPage>
    );
  const crumbs = [{ title: 'API keys', path: '/keys' }, ...(title ? [{ title, path: '' }] : [])];
  return (
    <Layout title={title ?? 'API keys'} crumbs={crumbs}>
      {children}
    </Layout>
  );
}

/** The keys, and what they may do. */
export function KeysPage({ place, keys, refusal, now }: KeysState) {
  const { location, path } = place;
  return (
    <Frame place={place}>
      <div class="row head">
        <div>
          <h1>API keys</h1>
          <p class="lead">
            {location
              ? 'With a key, your own software reads what was sent from this location, or changes its settings.'
              : 'The keys of all locations, and those that are bound to none.'}
          </p>
        </div>
        <span class="space" />
        <a class="button primary" href={`${path}/new`}>
          Make a key
        </a>
      </div>
      <FormMistake detail={refusal?.detail} />
      {keys.items.length === 0 ? <NoKeys /> : <Keys place={place} keys={keys.items} now={now} />}
      <Pager path={path} nextCursor={keys.nextCursor} />
    </Frame>
  );
}

function NoKeys() {
  return (
    <section class="card empty">
      <h2>No keys yet</h2>
      <p>
        Webhooks need none. Make a key when a developer wants to read events that were missed, or to change settings by
        software instead of by this page.
      </p>
    </section>
  );
}

function Keys({ place, keys, now }: { place: Place; keys: Key[]; now: Date }) {
  return (
    <ul class="cards">
      {keys.map((key) => (
        <li class="card">
          <div class="row">
            <h2 class="break">{key.name}</h2>
            <code class="muted">{key.hint}</code>
            <span class="space" />
            {key.expiresAt && new Date(key.expiresAt) <= now && <span class="state failed">Expired</span>}
          </div>
          <ul class="scopes">
            {key.scopes.map((scope) => (
              <li>
                <code>{scope}</code> <span class="hint">{scopeWords[scope]}</span>
              </li>
            ))}
          </ul>
          <KeyFacts keyShown={key} place={place} />
          <Confirm
            action={`${place.path}/${key.id}/revoke`}
            open="Revoke …"
            label={`Revoke ${key.name}`}
            text={`Whatever uses the key “${key.name}” (${key.hint}) is locked out at once. This cannot be taken back.`}
            isDangerous
          />
        </li>
      ))}
    </ul>
  );
}

function KeyFacts({ keyShown, place }: { keyShown: Key; place: Place }) {
  const { locationId, allowedIps, createdAt, expiresAt, lastUsedAt } = keyShown;
  return (
    <dl class="facts">
      {!place.location && (
        <div>
          <dt>Location</dt>
          <dd>{locationId ? <a href={`/locations/${locationId}/api`}>{locationId}</a> : 'all'}</dd>
        </div>
      )}
      <div>
        <dt>Last used</dt>
        <dd>
          <Time at={lastUsedAt} />
        </dd>
      </div>
      <div>
        <dt>Made</dt>
        <dd>
          <Time at={createdAt} />
        </dd>
      </div>
      <div>
        <dt>Expires</dt>
        <dd>
          <Time at={expiresAt} format="exact" />
        </dd>
      </div>
      <div>
        <dt>May be used from</dt>
        <dd class="break">{allowedIps?.join(', ') ?? 'any address'}</dd>
      </div>
    </dl>
  );
}

type NewProps = { place: Place; form: KeyForm; refusal: Refusal | null };

/** The form for a new key. */
export function NewKeyPage({ place, form, refusal }: NewProps) {
  const mistakes = refusal?.errors ?? [];
  return (
    <Frame place={place} title="Make a key">
      <h1>Make a key</h1>
      <Form action={place.path} class="card" label="Make a key">
        {mistakes.length === 0 && <FormMistake detail={refusal?.detail} />}
        <Field
          label="Name"
          name="name"
          hint="What uses it, so that you know later what stops when you revoke it."
          mistake={mistakeAt(mistakes, 'name')}
        >
          {(attributes) => <input {...attributes} value={form.name} required maxlength={100} />}
        </Field>
        <fieldset>
          <legend>It may</legend>
          {Object.entries(scopeWords).map(([scope, words]) => (
            <label class="check">
              <input type="checkbox" name="scopes" value={scope} checked={form.scopes.includes(scope)} />
              <span>
                {words} <code class="muted">{scope}</code>
              </span>
            </label>
          ))}
          {mistakeAt(mistakes, 'scopes') && (
            <p class="mistake" role="alert">
              {mistakeAt(mistakes, 'scopes')}
            </p>
          )}
        </fieldset>
        <Field
          label="Strict access"
          name="allowedIps"
          hint="Addresses or ranges that it may be used from, a line each, such as 198.51.100.0/24. Empty: from anywhere."
          mistake={mistakeAt(mistakes, 'allowedIps')}
        >
          {(attributes) => (
            <textarea {...attributes} class="mono" rows={3} spellcheck={false}>
              {form.allowedIps}
            </textarea>
          )}
        </Field>
        <Field
          label="Expires"
          name="expiresAt"
          hint="In your time zone (UTC where scripts do not run). Empty: never."
          mistake={mistakeAt(mistakes, 'expiresAt')}
        >
          {(attributes) => <input {...attributes} type="datetime-local" value={form.expiresAt} />}
        </Field>
        <input type="hidden" name="zone" value={form.zone} />
        <div class="row actions">
          <button class="primary">Make the key</button>
          <a class="button" href={place.path}>
            Cancel
          </a>
        </div>
      </Form>
    </Frame>
  );
}
