import type { z } from '@hono/zod-openapi';
import type { Child } from 'hono/jsx';
import type { scopes } from '../../db/schema.ts';
import type { keySchema } from '../../settings/key.ts';
import type { Refusal } from '../api.ts';
import { Layout } from '../layout.tsx';
import { LocationPage } from '../location-page.tsx';
import { Confirm } from '../parts/confirm.tsx';
import { FormMistake } from '../parts/form.tsx';
import { Pager } from '../parts/pager.tsx';
import { Time } from '../parts/time.tsx';
import type { NamedLocation } from '../view.ts';

type Key = z.output<typeof keySchema>;
type Scope = (typeof scopes)[number];

/** Where keys are shown: at a location, or (null) beside all of them. */
export type Place = { location: NamedLocation | null; path: string };

/** What the list of keys shows. */
export type KeysState = {
  place: Place;
  keys: { items: Key[]; nextCursor: string | null };
  refusal: Refusal | null;
  now: Date;
};

/** What each scope lets a key do, in words. */
export const scopeWords: Record<Scope, string> = {
  'events:write': 'Hand over events: what the booking system needs',
  'events:read': 'Read events, deliveries and statistics, and catch up after downtime',
  'settings:read': 'See webhooks, registered webhooks, flows and runs',
  'settings:write': 'Change all of these, send tests and resend deliveries',
  'webhooks:trigger': 'Trigger registered webhooks',
  'metrics:read': 'Read metrics, for monitoring',
  admin: 'Everything, also making and revoking keys',
};

/** The page around keys: a location's tab, or one of its own. */
export function KeysFrame({ place, title, children }: { place: Place; title?: string; children?: Child }) {
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
    <KeysFrame place={place}>
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
    </KeysFrame>
  );
}

function NoKeys() {
  return (
    <section class="card empty">
      <h2>No keys yet</h2>
      <p>
        Webhooks need none. Make a key when a developer wants to read events that were missed, or to change
        settings by software instead of by this page.
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
