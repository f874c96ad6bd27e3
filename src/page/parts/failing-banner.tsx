import type { z } from '@hono/zod-openapi';
import type { deliverySchema } from '../../outbox/delivery.ts';
import type { Endpoint } from '../endpoints/endpoints-page.tsx';
import { pathOfTab } from '../location-page.tsx';
import type { NamedLocation } from '../view.ts';
import { count, hostOf, tellDelivery } from '../words.ts';
import { Time } from './time.tsx';

/** A webhook that keeps failing, or was switched off for it, with its last delivery that failed (null: it has left the log). */
export type Trouble = { endpoint: Endpoint; last: z.output<typeof deliverySchema> | null };

/** Whether there is something to be told of a webhook. */
export function isTrouble({ enabled, disabledReason, health }: Endpoint): boolean {
  return disabledReason !== null || (enabled && health.step !== null);
}

type Props = { location: NamedLocation; troubles: Trouble[] };

/** Webhooks that are told in full; of more, only the number is. */
export const maxTold = 3;

/** Which webhooks keep failing, since when, why, and what to do next; nothing while none does. */
export function FailingBanner({ location, troubles }: Props) {
  if (troubles.length === 0) return null;
  const more = troubles.length - maxTold;
  const hasOnlyBegun = troubles.every(
    ({ endpoint }) => !endpoint.disabledReason && endpoint.health.step === 'first_failures',
  );
  return (
    <section
      class={`card verdict-card ${hasOnlyBegun ? 'warn' : 'bad'}`}
      aria-label="Webhooks that keep failing"
    >
      <ul class="troubles">
        {troubles.slice(0, maxTold).map((trouble) => (
          <li>
            <OneTrouble location={location} trouble={trouble} />
          </li>
        ))}
      </ul>
      {more > 0 && (
        <a href={pathOfTab(location.id, 'webhooks')}>
          {count(more, 'more webhook')} {more === 1 ? 'fails' : 'fail'} too
        </a>
      )}
    </section>
  );
}

function OneTrouble({
  location,
  trouble: { endpoint, last },
}: {
  location: NamedLocation;
  trouble: Trouble;
}) {
  const { id, url, health, disabledReason } = endpoint;
  const story = last && tellDelivery(last);
  return (
    <>
      <h2 class="sentence break">
        {hostOf(url)} {disabledReason ? 'was switched off' : words[health.step ?? 'first_failures']}
      </h2>
      <p class="plain-text">
        {disabledReason ?? (
          <>
            Nothing has reached it since <Time at={health.failingSince} format="exact" />:{' '}
            {count(health.failuresInARow, 'failure')} in a row.
          </>
        )}{' '}
        {story && `${story.what} ${story.advice ?? ''}`}
      </p>
      <p class="links">
        <a href={`${pathOfTab(location.id, 'deliveries')}?endpointId=${id}`}>See its last deliveries</a>
        <a href={`${pathOfTab(location.id, 'webhooks')}/${id}`}>
          {disabledReason ? 'Send a test, and resume it' : 'Send a test'}
        </a>
        <a href={`/locations/${location.id}/resend`}>When it is repaired, resend what it missed</a>
      </p>
    </>
  );
}

const words: Record<NonNullable<Endpoint['health']['step']>, string> = {
  first_failures: 'has begun to fail',
  one_hour: 'has failed for more than an hour',
  one_day: 'has failed for more than a day',
  three_days: 'has failed for more than three days',
};
