import type { Endpoint, Stats } from '../endpoints/endpoints-page.tsx';
import { count } from '../words.ts';
import { Sparkline } from './sparkline.tsx';
import { Time } from './time.tsx';

const states: Record<Endpoint['health']['state'], { word: string; look: string }> = {
  new: { word: 'Nothing sent yet', look: 'skipped' },
  healthy: { word: 'Healthy', look: 'delivered' },
  failing: { word: 'Failing', look: 'failed' },
  paused: { word: 'Paused', look: 'skipped' },
};

/** Works now, and did not at some time in the last 24 hours. */
export const recovered = { word: 'Works again', look: 'timed_out' } as const;

type Props = { endpoint: Endpoint; stats: Stats };

/** How a webhook is doing, in a word: one that works again, but missed something lately, is not called healthy. */
export function HealthBadge({ endpoint: { id, health, disabledReason }, stats }: Props) {
  if (disabledReason) return <span class="state failed">Switched off</span>;
  const own = stats.endpoints.find(({ endpointId }) => endpointId === id);
  const hasMissed = own !== undefined && own.failed + own.timedOut + own.abandoned > 0;
  const { word, look } = health.state === 'healthy' && hasMissed ? recovered : states[health.state];
  return <span class={`state ${look}`}>{word}</span>;
}

/** How a webhook is doing, in figures of the last 24 hours. */
export function EndpointHealth({ endpoint, stats }: Props) {
  const { health, id } = endpoint;
  const own = stats.endpoints.find(({ endpointId }) => endpointId === id);
  const ended = own ? own.delivered + own.failed + own.timedOut + own.abandoned : 0;
  return (
    <dl class="facts">
      <div>
        <dt>Delivered, last 24 hours</dt>
        <dd>
          {own && ended > 0
            ? `${share(own.delivered, ended)} of ${count(ended, 'delivery')}`
            : 'no events were sent'}
        </dd>
      </div>
      <div>
        <dt>Last success</dt>
        <dd>
          <Time at={health.lastDeliveredAt} />
        </dd>
      </div>
      <div>
        <dt>Failures in a row</dt>
        <dd>
          {health.failuresInARow}
          {health.failingSince && (
            <>
              , since <Time at={health.failingSince} />
            </>
          )}
        </dd>
      </div>
      <div>
        <dt>Waiting to be sent</dt>
        <dd>{count(own?.backlog ?? 0, 'event')}</dd>
      </div>
      {own && ended > 0 && (
        <div class="wide-fact">
          <dt class="unseen">Deliveries by hour</dt>
          <dd>
            <Sparkline hours={own.byHour} />
          </dd>
        </div>
      )}
    </dl>
  );
}

/** A share in percent that says 100 % only when nothing is missing. */
export function share(part: number, whole: number): string {
  const percent = (100 * part) / whole;
  const shown = part === whole ? '100' : Math.min(percent, 99.9).toFixed(1).replace(/\.0$/, '');
  return `${shown} %`;
}
