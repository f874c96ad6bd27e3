import type { z } from '@hono/zod-openapi';
import type { fullDeliverySchema } from '../../outbox/delivery.ts';
import type { Refusal } from '../api.ts';
import { type Delivery, Marks, tellSequences } from './delivery-row.tsx';
import { DeliveryRequest } from './delivery-request.tsx';
import { DeliveryTimeline } from './delivery-timeline.tsx';
import type { Endpoint } from '../endpoints/endpoints-page.tsx';
import { LocationPage, pathOfTab } from '../location-page.tsx';
import { Form, FormMistake } from '../parts/form.tsx';
import { OutcomeBadge } from '../parts/outcome.tsx';
import { ToldDelivery } from '../parts/told-delivery.tsx';
import { Time } from '../parts/time.tsx';
import { SentEvents } from './sent-events.tsx';
import { count, hostOf, tellDelivery, tellDetail } from '../words.ts';
import type { NamedLocation } from '../view.ts';

export type FullDelivery = z.output<typeof fullDeliverySchema>;

type Props = {
  location: NamedLocation;
  delivery: FullDelivery;
  /** Its webhook; null when that was deleted. */
  endpoint: Endpoint | null;
  resends: Delivery[];
  /** Why it was not sent again. */
  refused?: string | undefined;
};

/** One delivery in full: how it went, when, and what was sent. */
export function DeliveryPage({ location, delivery, endpoint, resends, refused }: Props) {
  const path = pathOfTab(location.id, 'deliveries');
  const title = `Delivery to ${hostOf(delivery.url)}`;
  return (
    <LocationPage location={location} tab="deliveries" title={title}>
      <div class="row head">
        <h1 class="break">{title}</h1>
        <Marks delivery={delivery} />
        <span class="space" />
        <OutcomeBadge outcome={delivery.outcome} />
      </div>
      <FormMistake detail={refused} />
      <Story {...{ location, delivery, endpoint, resends }} path={path} />
      <section class="card">
        <h2>What happened when</h2>
        <DeliveryTimeline delivery={delivery} />
      </section>
      <section class="card">
        <h2>{count(delivery.events, 'event')}</h2>
        <SentEvents locationId={location.id} body={delivery.body} isTest={delivery.test} />
      </section>
      <DeliveryRequest delivery={delivery} secretHint={endpoint?.secretHint ?? null} />
    </LocationPage>
  );
}

function Story({ location, delivery, endpoint, resends, path }: Props & { path: string }) {
  const { what, advice } = tellDelivery(delivery);
  const detail = tellDetail(delivery);
  const mayResend = endpoint !== null && !delivery.test && delivery.outcome !== 'sending';
  return (
    <section class="card" aria-label="How it went">
      <div class="result">
        <p>
          <strong>{what}</strong> {advice}
        </p>
        {detail && <p class="hint">{detail}</p>}
      </div>
      <dl class="facts">
        <div>
          <dt>Webhook</dt>
          <dd class="mono break">
            {endpoint ? (
              <a href={`${pathOfTab(location.id, 'webhooks')}/${endpoint.id}`}>{delivery.url}</a>
            ) : (
              <>{delivery.url} (deleted)</>
            )}
          </dd>
        </div>
        <div>
          <dt>Carried</dt>
          <dd>
            {count(delivery.events, 'event')}
            {!delivery.test && `, ${tellSequences(delivery)}`}
          </dd>
        </div>
        <Related
          words="Sent again of"
          deliveries={delivery.resendOf ? [{ id: delivery.resendOf }] : []}
          path={path}
        />
        <Related words="Sent again as" deliveries={resends} path={path} />
      </dl>
      {mayResend && <Resend action={`${path}/${delivery.id}/resend`} />}
    </section>
  );
}

type RelatedProps = { words: string; deliveries: (Pick<Delivery, 'id'> & Partial<Delivery>)[]; path: string };

function Related({ words, deliveries, path }: RelatedProps) {
  if (deliveries.length === 0) return null;
  return (
    <div>
      <dt>{words}</dt>
      {deliveries.map(({ id, outcome, startedAt }) => (
        <dd>
          {outcome && <OutcomeBadge outcome={outcome} />}{' '}
          <a href={`${path}/${id}`}>{startedAt ? <Time at={startedAt} /> : 'this delivery'}</a>
        </dd>
      ))}
    </div>
  );
}

function Resend({ action }: { action: string }) {
  return (
    <div class="cards">
      <Form action={action} target="resend-result" label="Resend">
        <div class="row">
          <button>Resend</button>
          <span class="hint">Sends the same events to the webhook once more, as a new delivery.</span>
          <span class="busy" role="status">
            Sending …
          </span>
        </div>
      </Form>
      <ResendResult delivery={null} refusal={null} />
    </div>
  );
}

/** How the resend went; empty before there was one. */
export function ResendResult({ delivery, refusal }: { delivery: Delivery | null; refusal: Refusal | null }) {
  return (
    <div id="resend-result" role="status">
      {refusal && <p class="notice bad">{refusal.detail}</p>}
      {delivery && (
        <ToldDelivery
          delivery={delivery}
          path={`${pathOfTab(delivery.locationId, 'deliveries')}/${delivery.id}`}
          link="See the new delivery"
        />
      )}
    </div>
  );
}
