import { z } from '@hono/zod-openapi';
import { auditActions } from '../../http/audit.ts';
import type { auditEntrySchema } from '../../settings/audit-routes.ts';
import { LocationPage, pathOfTab } from '../location-page.tsx';
import { Pager } from '../parts/pager.tsx';
import { Time } from '../parts/time.tsx';
import type { NamedLocation } from '../view.ts';
import { Table } from '../parts/table.tsx';

type Entry = z.output<typeof auditEntrySchema>;

type Props = {
  location: NamedLocation;
  entries: { items: Entry[]; nextCursor: string | null };
  action: string;
  isFirst: boolean;
};

/** What was done, in words. */
const actionWords: Record<Entry['action'], string> = {
  'endpoint.created': 'Added a webhook',
  'endpoint.changed': 'Changed a webhook',
  'endpoint.deleted': 'Deleted a webhook',
  'endpoint.disabled': 'Switched off a webhook that kept failing',
  'endpoint.secret_rotated': 'Rotated the secret of a webhook',
  'endpoint.tested': 'Sent a test',
  'location.created': 'Made the location',
  'location.changed': 'Changed the location',
  'location.deleted': 'Deleted the location',
  'key.created': 'Made an API key',
  'key.revoked': 'Revoked an API key',
  'key.refused': 'Was refused',
  'webhook.saved': 'Saved a registered webhook',
  'webhook.deleted': 'Deleted a registered webhook',
  'flow.saved': 'Saved a flow',
  'flow.deleted': 'Deleted a flow',
  'flow.token_rotated': 'Rotated the token of a flow',
  'app_webhook.created': 'Made an app webhook',
  'app_webhook.deleted': 'Deleted an app webhook',
  'delivery.resent': 'Resent a delivery',
  'deliveries.resent': 'Resent a range of deliveries',
  'deliveries.dropped': 'Stopped resends that waited',
  'run.rerun': 'Ran a flow again',
  'session.opened': 'Signed in',
  'session.closed': 'Signed out',
  'link.created': 'Made a link to this page',
};

/** How somebody acted, in words. */
const actorWords: Record<Entry['actor']['kind'], string> = {
  key: 'by API',
  page: 'on this page',
  link: 'on this page, by a link',
  sender: 'unknown sender',
  service: 'Bellhop itself',
};

/** Who changed what, when, from where. */
export function AuditPage({ location, entries, action, isFirst }: Props) {
  const path = pathOfTab(location.id, 'audit');
  return (
    <LocationPage location={location} tab="audit">
      <div class="head">
        <h1>Audit</h1>
        <p class="lead">Who changed what, when and from where. Nothing here can be changed or removed.</p>
      </div>
      <form class="filters" method="get" action={path}>
        <div class="field">
          <label for="action">What was done</label>
          <select id="action" name="action">
            <option value="">Everything</option>
            {auditActions.map((name) => (
              <option value={name} selected={name === action}>
                {actionWords[name]}
              </option>
            ))}
          </select>
        </div>
        <button>Show</button>
      </form>
      {entries.items.length === 0 ? (
        <NoEntries isFiltered={action !== ''} path={path} />
      ) : (
        <Entries entries={entries.items} />
      )}
      <Pager
        path={action ? `${path}?action=${action}` : path}
        nextCursor={entries.nextCursor}
        isFirst={isFirst}
      />
    </LocationPage>
  );
}

function NoEntries({ isFiltered, path }: { isFiltered: boolean; path: string }) {
  return (
    <section class="card empty">
      <h2>Nothing here</h2>
      {isFiltered ? (
        <a href={path}>Show everything</a>
      ) : (
        <p>Nobody has changed anything at this location yet.</p>
      )}
    </section>
  );
}

function Entries({ entries }: { entries: Entry[] }) {
  return (
    <Table heads={['When', 'What', 'Who', 'From']}>
      {entries.map((entry) => (
        <tr>
          <td data-label="When">
            <Time at={entry.at} />
          </td>
          <td data-label="What">
            <div class="stack">
              <span>{actionWords[entry.action]}</span>
              {subjectOf(entry) && <span class="hint break">{subjectOf(entry)}</span>}
              <Change entry={entry} />
            </div>
          </td>
          <td data-label="Who">
            <div class="stack">
              <span class="break">{entry.actor.name || 'Nobody known'}</span>
              <span class="hint">{actorWords[entry.actor.kind]}</span>
            </div>
          </td>
          <td data-label="From">
            <code class="break">{entry.address}</code>
          </td>
        </tr>
      ))}
    </Table>
  );
}

const named = z
  .object({ url: z.string(), title: z.string(), name: z.string(), reason: z.string() })
  .partial()
  .catch({});

/** What it was done to, by the name that people know. */
function subjectOf({ before, after }: Entry): string | undefined {
  const { url, title, name, reason } = { ...named.parse(before), ...named.parse(after) };
  return url ?? title ?? name ?? reason;
}

function Change({ entry: { target, before, after, requestId } }: { entry: Entry }) {
  return (
    <details>
      <summary class="hint">Details</summary>
      <dl class="change">
        <dt>Id</dt>
        <dd>
          <code class="break">{target || 'none'}</code>
        </dd>
        {[
          ['Before', before],
          ['After', after],
        ].map(([title, value]) =>
          value === null || value === undefined ? null : (
            <>
              <dt>{title}</dt>
              <dd>
                <pre class="block" tabindex={0}>
                  {JSON.stringify(value, null, 2)}
                </pre>
              </dd>
            </>
          ),
        )}
        <dt>Request</dt>
        <dd>
          <code class="break">{requestId}</code>
        </dd>
      </dl>
    </details>
  );
}
