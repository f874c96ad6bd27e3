import type { z } from '@hono/zod-openapi';
import type { Child } from 'hono/jsx';
import type { tracedEventSchema } from '../../outbox/history-routes.ts';
import type { Refusal } from '../api.ts';
import { Marks } from './delivery-row.tsx';
import type { Endpoint } from '../endpoints/endpoints-page.tsx';
import { LocationPage, pathOfTab } from '../location-page.tsx';
import { FormMistake, mistakeAt } from '../parts/form.tsx';
import { OutcomeBadge, skipWords } from '../parts/outcome.tsx';
import { SessionSearch } from '../parts/session-search.tsx';
import { Time } from '../parts/time.tsx';
import { count, hostAndPathOf, tellDelivery } from '../words.ts';
import type { NamedLocation } from '../view.ts';

type TracedEvent = z.output<typeof tracedEventSchema>;

type Props = {
  location: NamedLocation;
  endpoints: Endpoint[];
  /** The session that is asked for, as it was typed; empty before anything was. */
  uuid: string;
  events: TracedEvent[];
  refusal: Refusal | null;
};

/** What happened to a session: each of its events, and what every webhook was told of it. */
export function ToldSessionPage({ location, endpoints, uuid, events, refusal }: Props) {
  const isAsked = uuid !== '' && !refusal;
  return (
    <LocationPage location={location} tab="deliveries" title="What happened to a session">
      <h1 class="break">{isAsked ? `Session ${uuid}` : 'What happened to a session?'}</h1>
      {refusal?.errors.length === 0 && <FormMistake detail={refusal.detail} />}
      <SessionSearch
        locationId={location.id}
        uuid={uuid}
        mistake={mistakeAt(refusal?.errors ?? [], 'uuid')}
      />
      {isAsked ? (
        <Told location={location} endpoints={endpoints} events={events} />
      ) : (
        <p class="muted">A session id is in the booking system, and in the body of every webhook.</p>
      )}
    </LocationPage>
  );
}

function Told({ location, endpoints, events }: Pick<Props, 'location' | 'endpoints' | 'events'>) {
  if (events.length === 0) return <UnknownSession />;
  const urls = new Map(endpoints.map(({ id, url }) => [id, hostAndPathOf(url)]));
  const nameOf = (id: string) => urls.get(id) ?? 'a deleted webhook';
  return (
    <>
      {events.map((event) => (
        <ToldEvent event={event} location={location} nameOf={nameOf} />
      ))}
    </>
  );
}

function UnknownSession() {
  return (
    <section class="card empty">
      <h2>No events of this session are on record here</h2>
      <p>This may mean one of four things:</p>
      <ul class="bullets">
        <li>the id is another one: compare it with the booking system;</li>
        <li>the session belongs to another location: search there;</li>
        <li>the booking system has not told us of it: ask its operator;</li>
        <li>it was so long ago that the log does not hold it any more.</li>
      </ul>
    </section>
  );
}

type EventProps = { event: TracedEvent; location: NamedLocation; nameOf: (endpointId: string) => string };

function ToldEvent({ event, location, nameOf }: EventProps) {
  const { action, sequence, acceptedAt, stations, deliveries = [], skipped = [], pending = [] } = event;
  return (
    <section class="card">
      <div>
        <h2>{action === 'create' ? 'It was created' : 'It was deleted'}</h2>
        <p class="hint">
          Event {sequence} of this location, for {count(stations, 'station')}, accepted{' '}
          <Time at={acceptedAt} format="exact" />
        </p>
      </div>
      <ul class="story">
        {deliveries.map((delivery) => (
          <Fate outcome={delivery.outcome} marks={<Marks delivery={delivery} />}>
            Sent to <Name of={nameOf(delivery.endpointId)} />. {tellDelivery(delivery).what}{' '}
            <a href={`${pathOfTab(location.id, 'deliveries')}/${delivery.id}`}>See what was sent</a>
          </Fate>
        ))}
        {skipped.map(({ endpointId, reason }) => (
          <Fate outcome="skipped">
            {endpointId && (
              <>
                Not sent to <Name of={nameOf(endpointId)} />.{' '}
              </>
            )}
            {skipWords[reason]}
          </Fate>
        ))}
        {pending.map(({ endpointId }) => (
          <Fate outcome="waiting">
            It still waits to be sent to <Name of={nameOf(endpointId)} />.
          </Fate>
        ))}
      </ul>
    </section>
  );
}

type FateProps = { outcome: Parameters<typeof OutcomeBadge>[0]['outcome']; marks?: Child; children: Child };

/** What became of an event at one webhook. */
function Fate({ outcome, marks, children }: FateProps) {
  return (
    <li>
      <div>
        <OutcomeBadge outcome={outcome} /> {marks}
      </div>
      <p>{children}</p>
    </li>
  );
}

function Name({ of }: { of: string }) {
  return <span class="mono break">{of}</span>;
}
