import type { z } from '@hono/zod-openapi';
import type { deliverySchema } from '../../outbox/delivery.ts';
import type { Endpoint, Stats } from '../endpoints/endpoints-page.tsx';
import { LocationPage, pathOfTab } from '../location-page.tsx';
import { judgeLocation } from './overview.ts';
import { DeliveriesChart } from '../parts/chart.tsx';
import { FailingBanner, type Trouble } from '../parts/failing-banner.tsx';
import { SessionSearch } from '../parts/session-search.tsx';
import { HealthBadge, share } from '../parts/health.tsx';
import { OutcomeBadge } from '../parts/outcome.tsx';
import { Time } from '../parts/time.tsx';
import { Truncated } from '../parts/truncated.tsx';
import { count, hostOf, tellDelivery } from '../words.ts';
import type { NamedLocation } from '../view.ts';

type Delivery = z.output<typeof deliverySchema>;
type Props = {
  location: NamedLocation;
  stats: Stats;
  endpoints: Endpoint[];
  troubles: Trouble[];
  deliveries: Delivery[];
};

/** Whether it is working, in one sentence, one chart, the webhooks and the last deliveries. */
export function OverviewPage({ location, stats, endpoints, troubles, deliveries }: Props) {
  const verdict = judgeLocation(stats, endpoints);
  const resendPath = `/locations/${location.id}/resend`;
  return (
    <LocationPage location={location} tab="overview">
      <div class="head">
        <h1>{location.title}</h1>
      </div>
      <FailingBanner location={location} troubles={troubles} />
      <section class={`card verdict-card ${verdict.look}`} aria-label="Is it working?">
        <p class="sentence">{verdict.text}</p>
        {verdict.advice && troubles.length === 0 && <p class="plain-text">{verdict.advice}</p>}
        {stats.failures.length > 0 && troubles.length === 0 && (
          <div class="row">
            <a
              class="button"
              href={`${pathOfTab(location.id, 'deliveries')}?outcome=${stats.failures[0]?.outcome}`}
            >
              See what failed
            </a>
            <a class="button" href={resendPath}>
              Resend what did not arrive
            </a>
          </div>
        )}
        {endpoints.length === 0 && (
          <a class="button primary" href={`${pathOfTab(location.id, 'webhooks')}/new`}>
            Add a webhook
          </a>
        )}
      </section>
      <Figures stats={stats} />
      {stats.deliveries > 0 && (
        <section class="card">
          <DeliveriesChart hours={stats.byHour}>
            <h2>Last 24 hours</h2>
          </DeliveriesChart>
        </section>
      )}
      {endpoints.length > 0 && <Webhooks location={location} endpoints={endpoints} stats={stats} />}
      {deliveries.length > 0 && <LastDeliveries {...{ location, endpoints, deliveries }} />}
      <section class="card">
        <SessionSearch locationId={location.id} />
      </section>
    </LocationPage>
  );
}

function Figures({ stats }: { stats: Stats }) {
  const { p50, p95 } = stats.latencyMs;
  return (
    <dl class="card facts">
      <div>
        <dt>Events, last 24 hours</dt>
        <dd>{stats.events.accepted.toLocaleString('en')}</dd>
      </div>
      <div>
        <dt>Last event</dt>
        <dd>
          <Time at={stats.lastEventAt} />
        </dd>
      </div>
      <div>
        <dt>Waiting to be sent</dt>
        <dd>{count(stats.backlog, 'event')}</dd>
      </div>
      <div>
        <dt>Receivers answer within</dt>
        <dd>{p50 === null ? '–' : `${p50} ms (half), ${p95} ms (95 %)`}</dd>
      </div>
    </dl>
  );
}

function Webhooks({ location, endpoints, stats }: Omit<Props, 'deliveries' | 'troubles'>) {
  return (
    <section class="card" aria-labelledby="webhooks">
      <h2 id="webhooks">Webhooks</h2>
      <ul class="lines">
        {endpoints.map((endpoint) => {
          const own = stats.endpoints.find(({ endpointId }) => endpointId === endpoint.id);
          return (
            <li class="row line webhook-line">
              <a class="mono shrink" href={`${pathOfTab(location.id, 'webhooks')}/${endpoint.id}`}>
                <Truncated text={endpoint.url} />
              </a>
              <span class="space" />
              {own && own.deliveries > 0 && (
                <span class="muted">{share(own.delivered, own.deliveries)} delivered</span>
              )}
              <HealthBadge endpoint={endpoint} stats={stats} />
            </li>
          );
        })}
      </ul>
    </section>
  );
}

function LastDeliveries({ location, endpoints, deliveries }: Omit<Props, 'stats' | 'troubles'>) {
  const path = pathOfTab(location.id, 'deliveries');
  return (
    <section class="card" aria-labelledby="deliveries">
      <h2 id="deliveries">Last deliveries</h2>
      <ul class="lines">
        {deliveries.map((delivery) => {
          const endpoint = endpoints.find(({ id }) => id === delivery.endpointId);
          return (
            <li class="line delivery-line">
              <OutcomeBadge outcome={delivery.outcome} />
              <a class="shrink" href={`${path}/${delivery.id}`}>
                {delivery.test ? 'Test' : count(delivery.events, 'event')} to{' '}
                {endpoint ? hostOf(endpoint.url) : 'a deleted webhook'}
              </a>
              <span class="muted shrink">{tellDelivery(delivery).what}</span>
              <Time at={delivery.startedAt} />
            </li>
          );
        })}
      </ul>
      <p>
        <a href={path}>See all deliveries</a>
      </p>
    </section>
  );
}
