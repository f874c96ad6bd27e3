import type { Child } from 'hono/jsx';
import type { Mistake } from '../../http/problem.ts';
import { DeliveryFilterForm } from './delivery-filter-form.tsx';
import { type DeliveryFilters, hasFilters, toLiveQuery, toPageQuery } from './delivery-filters.ts';
import { type Delivery, DeliveryRow } from './delivery-row.tsx';
import type { Endpoint, Stats } from '../endpoints/endpoints-page.tsx';
import { LocationPage, pathOfTab } from '../location-page.tsx';
import { DeliveriesChart } from '../parts/chart.tsx';
import { FailingBanner, type Trouble } from '../parts/failing-banner.tsx';
import { Pager } from '../parts/pager.tsx';
import { SessionSearch } from '../parts/session-search.tsx';
import { number, TableFrame } from '../parts/table.tsx';
import type { NamedLocation } from '../view.ts';

/** What the log of a location shows. */
export type DeliveriesState = {
  location: NamedLocation;
  endpoints: Endpoint[];
  troubles: Trouble[];
  stats: Stats;
  filters: DeliveryFilters;
  /** Where this page begins in the log; empty: at its newest delivery. */
  cursor: string;
  deliveries: Delivery[];
  nextCursor: string | null;
  /** What is wrong with the filters; then there are no deliveries. */
  mistakes: Mistake[];
};

/** The log of a location: what was sent, where to, and how it went, while it happens. */
export function DeliveriesPage(state: DeliveriesState) {
  const { location, endpoints, troubles, stats, filters, mistakes } = state;
  const path = pathOfTab(location.id, 'deliveries');
  return (
    <LocationPage location={location} tab="deliveries">
      <div class="row head">
        <h1>Deliveries</h1>
        <span class="space" />
        {endpoints.length > 0 && (
          <a class="button" href={`/locations/${location.id}/resend`}>
            Resend a range …
          </a>
        )}
        <a class="button" href={`${path}.csv${toPageQuery(filters)}`} download>
          Export as CSV
        </a>
      </div>
      <FailingBanner location={location} troubles={troubles} />
      <SessionSearch locationId={location.id} />
      <section class="card" aria-label="Last 24 hours">
        <DeliveriesChart hours={stats.byHour}>
          <h2>Last 24 hours</h2>
        </DeliveriesChart>
      </section>
      {!isUnused(state) && <DeliveryFilterForm {...{ path, filters, mistakes, endpoints }} />}
      <Log {...state} path={path} />
    </LocationPage>
  );
}

/** Whether there is nothing in the log at all. */
function isUnused({ filters, cursor, deliveries }: DeliveriesState): boolean {
  return deliveries.length === 0 && cursor === '' && !hasFilters(filters);
}

function Log({ path, ...state }: DeliveriesState & { path: string }) {
  const { filters, cursor, deliveries, endpoints, nextCursor } = state;
  const urls = new Map(endpoints.map(({ id, url }) => [id, url]));
  const firstPage = `${path}${toPageQuery(filters)}`;
  return (
    <section class="log" aria-label="Log of deliveries">
      <p class="news" aria-live="polite">
        <a class="button primary" href={firstPage} hidden data-news />
      </p>
      <Empty path={path} state={state} />
      <TableFrame heads={['Outcome', 'Webhook', number('Events'), number('When')]}>
        <LiveRows live={liveOf(path, state)} isLater={cursor !== ''}>
          {deliveries.map((delivery) => (
            <DeliveryRow delivery={delivery} url={urls.get(delivery.endpointId)} />
          ))}
        </LiveRows>
      </TableFrame>
      <Pager path={firstPage} nextCursor={nextCursor} isFirst={cursor === ''} />
    </section>
  );
}

/** Where what fits the filters comes from while it happens; null when nothing can. */
function liveOf(path: string, { filters, mistakes, cursor, deliveries }: DeliveriesState): string | null {
  const newest = cursor === '' ? deliveries.find(({ endedAt }) => endedAt !== null) : undefined;
  const query = toLiveQuery(filters, newest?.id);
  return query === null || mistakes.length > 0 ? null : `${path}/live${query}`;
}

type LiveProps = { live: string | null; isLater: boolean; children: Child };

/** Rows that new ones come on top of. On a later page there is no place for them: they are only counted. */
function LiveRows({ live, isLater, children }: LiveProps) {
  const connection = live && {
    'hx-ext': 'sse',
    'sse-connect': live,
    'sse-swap': 'delivery',
    'hx-swap': 'afterbegin',
  };
  return (
    <tbody {...connection} data-live={isLater ? 'counted' : 'shown'}>
      {children}
    </tbody>
  );
}

function Empty({ path, state }: { path: string; state: DeliveriesState }) {
  const { endpoints, location, deliveries } = state;
  if (deliveries.length > 0) return null;
  if (!isUnused(state))
    return (
      <div class="card empty">
        <h2>No deliveries fit these filters</h2>
        <a class="button" href={path}>
          Clear the filters
        </a>
      </div>
    );
  const webhooks = pathOfTab(location.id, 'webhooks');
  return (
    <div class="card empty">
      <h2>No deliveries yet</h2>
      {endpoints.length === 0 ? (
        <>
          <p>There is no webhook to send to. Add one: what it is sent is listed here, with how it went.</p>
          <a class="button primary" href={`${webhooks}/new`}>
            Add the first webhook
          </a>
        </>
      ) : (
        <>
          <p>As soon as somebody books or cancels a session, it shows here. A test shows at once.</p>
          <a class="button primary" href={webhooks}>
            Choose a webhook to test
          </a>
        </>
      )}
    </div>
  );
}
