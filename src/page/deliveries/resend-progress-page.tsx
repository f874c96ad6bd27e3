import type { z } from '@hono/zod-openapi';
import type { resendsSchema } from '../../outbox/range-resend-routes.ts';
import { LocationPage, pathOfTab } from '../location-page.tsx';
import { Confirm } from '../parts/confirm.tsx';
import { OutcomeBadge } from '../parts/outcome.tsx';
import { Time } from '../parts/time.tsx';
import { count } from '../words.ts';
import type { NamedLocation } from '../view.ts';

type Resends = z.output<typeof resendsSchema>;

type Props = {
  location: NamedLocation;
  resends: Resends;
  /** The host that they are sent to. */
  host: string;
};

/** How the resend of a range stands. It can be left and come back to. */
export function ResendProgressPage(props: Props) {
  return (
    <LocationPage location={props.location} tab="deliveries" title="Resend of a range">
      <h1 class="break">Resend to {props.host}</h1>
      <ResendProgress {...props} />
    </LocationPage>
  );
}

/** The part of it that changes: it replaces itself every second until all have ended. */
export function ResendProgress({ location, resends, host }: Props) {
  const { id, endpointId, endedAt, startedAt, waiting } = resends;
  const path = `/locations/${location.id}/resends/${id}`;
  const ended = resends.resends - waiting - resends.sending;
  const poll = !endedAt && { 'hx-get': path, 'hx-trigger': 'every 1s', 'hx-swap': 'outerHTML' };
  return (
    <section id="resend-progress" class="card" {...poll}>
      <p role={endedAt ? 'status' : undefined}>
        <strong>
          {endedAt ? 'All have ended: ' : ''}
          {ended.toLocaleString('en')} of {count(resends.resends, 'delivery')} sent again
        </strong>
        , with {count(resends.events, 'event')} in all.
      </p>
      <progress value={ended} max={resends.resends} aria-label={`Sent again to ${host}`} />
      <Counts resends={resends} />
      <p class="hint">
        {startedAt ? (
          <>
            Began <Time at={startedAt} />.{' '}
          </>
        ) : (
          'It begins when what is being sent now has ended. '
        )}
        {!endedAt && 'You can leave this page and come back to it.'}
      </p>
      {!endedAt && (
        <noscript>
          <meta http-equiv="refresh" content="3" />
          <a href={path}>Look again</a>
        </noscript>
      )}
      <p>
        <a href={`${pathOfTab(location.id, 'deliveries')}?endpointId=${endpointId}`}>See the deliveries</a>
      </p>
      {waiting > 0 && <Stop path={path} />}
    </section>
  );
}

const members = [
  { outcome: 'waiting', member: 'waiting' },
  { outcome: 'sending', member: 'sending' },
  { outcome: 'delivered', member: 'delivered' },
  { outcome: 'failed', member: 'failed' },
  { outcome: 'timed_out', member: 'timedOut' },
  { outcome: 'abandoned', member: 'abandoned' },
] as const;

function Counts({ resends }: { resends: Resends }) {
  return (
    <dl class="facts">
      {members.map(({ outcome, member }) => (
        <div>
          <dt>
            <OutcomeBadge outcome={outcome} />
          </dt>
          <dd>{resends[member].toLocaleString('en')}</dd>
        </div>
      ))}
    </dl>
  );
}

/** It stays open when its surroundings are replaced. */
function Stop({ path }: { path: string }) {
  return (
    <div id="stop" hx-preserve>
      <Confirm
        action={`${path}/stop`}
        open="Stop what still waits …"
        label="Stop what still waits"
        text="What has not begun is not sent again; what has begun goes on. The originals stay in the log and can be resent later."
        isDangerous
      />
    </div>
  );
}
