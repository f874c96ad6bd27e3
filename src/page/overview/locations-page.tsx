import type { z } from '@hono/zod-openapi';
import type { listedLocationSchema } from '../../settings/location.ts';
import { Layout } from '../layout.tsx';
import { recovered, share } from '../parts/health.tsx';
import { Pager } from '../parts/pager.tsx';
import { Time } from '../parts/time.tsx';
import { count } from '../words.ts';
import { number, Table } from '../parts/table.tsx';

type Listed = z.output<typeof listedLocationSchema>;
type Props = { locations: { items: Listed[]; nextCursor: string | null }; q: string; isFirst: boolean };

/** The locations, each with how it is doing. */
export function LocationsPage({ locations, q, isFirst }: Props) {
  const { items, nextCursor } = locations;
  return (
    <Layout title="Locations" crumbs={[{ title: 'Locations', path: '/locations' }]}>
      <div class="row head">
        <h1>Locations</h1>
        <span class="space" />
        <a class="button" href="/keys">
          API keys
        </a>
      </div>
      <form class="filters" method="get" action="/locations" role="search">
        <div class="field">
          <label for="q">Search by name or id</label>
          <input id="q" type="search" name="q" value={q} />
        </div>
        <button>Search</button>
      </form>
      {items.length === 0 ? <NoLocations q={q} /> : <LocationTable locations={items} />}
      <Pager path={q ? `/locations?q=${encodeURIComponent(q)}` : '/locations'} {...{ nextCursor, isFirst }} />
    </Layout>
  );
}

function NoLocations({ q }: { q: string }) {
  if (q !== '')
    return (
      <section class="card empty">
        <h2>No location matches “{q}”</h2>
        <a href="/locations">Show all locations</a>
      </section>
    );
  return (
    <section class="card empty">
      <h2>No locations yet</h2>
      <p>
        The booking system makes them: <code>PUT /v1/locations/&#123;id&#125;</code> with the title of the
        venue. They appear here as soon as it has.
      </p>
    </section>
  );
}

function LocationTable({ locations }: { locations: Listed[] }) {
  return (
    <Table heads={['Location', 'Health', 'Last event', number('Waiting'), number('Delivered, 24 hours')]}>
      {locations.map(({ id, title, stats }) => (
        <tr>
          <td data-label="Location">
            <div class="stack">
              <a class="break" href={`/locations/${id}`}>
                {title}
              </a>
              <code class="hint">{id}</code>
            </div>
          </td>
          <td data-label="Health">
            <div class="stack">
              <Health stats={stats} />
              {stats?.failingSince && (
                <span class="hint">
                  since <Time at={stats.failingSince} />
                </span>
              )}
            </div>
          </td>
          <td data-label="Last event">
            <Time at={stats?.lastEventAt ?? null} />
          </td>
          <td data-label="Waiting" class="number">
            {count(stats?.backlog ?? 0, 'event')}
          </td>
          <td data-label="Delivered, 24 hours" class="number">
            {stats && stats.deliveries > 0
              ? `${share(stats.delivered, stats.deliveries)} of ${stats.deliveries}`
              : '–'}
          </td>
        </tr>
      ))}
    </Table>
  );
}

function Health({ stats }: { stats: Listed['stats'] }) {
  if (!stats || stats.endpoints === 0) return <span class="state skipped">No webhook</span>;
  if (stats.failing > 0)
    return (
      <span class="state failed">
        {stats.failing} of {count(stats.endpoints, 'webhook')} failing
      </span>
    );
  if (stats.disabled > 0)
    return <span class="state failed">{count(stats.disabled, 'webhook')} switched off</span>;
  if (stats.delivered < stats.deliveries)
    return <span class={`state ${recovered.look}`}>{recovered.word}</span>;
  return <span class="state delivered">Healthy</span>;
}
