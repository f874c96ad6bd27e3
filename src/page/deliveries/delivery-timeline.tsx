import type { FullDelivery } from './delivery-page.tsx';
import { outcomeWords } from '../parts/outcome.tsx';
import { Time } from '../parts/time.tsx';

type Step = { words: string; at: string };

/** What happened to a delivery, in the order of time, with what lay between. */
export function DeliveryTimeline({ delivery }: { delivery: FullDelivery }) {
  const steps = stepsOf(delivery);
  return (
    <ol class="timeline">
      {steps.map(({ words, at }, n) => (
        <li>
          <span>{words}</span>
          <span class="hint">
            <Time at={at} format="exact" />
            {n > 0 && ` · ${tellGap(steps[n - 1]?.at ?? at, at)}`}
          </span>
        </li>
      ))}
    </ol>
  );
}

function stepsOf({ timings, startedAt, endedAt, outcome, test, resendOf, statusCode }: FullDelivery): Step[] {
  const { acceptedAt, createdAt, connectedMs, answeredMs } = timings;
  const isByHand = test || resendOf !== null;
  const steps = [
    { words: 'Its first event was accepted', at: acceptedAt },
    { words: isByHand ? 'Asked for by hand' : 'Its turn came', at: createdAt },
    { words: 'Sending began', at: startedAt },
    { words: 'Connected', at: after(startedAt, connectedMs) },
    { words: `Answered ${statusCode}`, at: after(startedAt, answeredMs) },
    { words: `Ended: ${outcomeWords(outcome).toLowerCase()}`, at: outcome === 'sending' ? null : endedAt },
  ];
  return steps.flatMap(({ words, at }) => (at === null ? [] : [{ words, at }]));
}

function after(at: string | null, ms: number | null): string | null {
  return at === null || ms === null ? null : new Date(Date.parse(at) + ms).toISOString();
}

/** @example tellGap(acceptedAt, createdAt); // '4 ms later' */
function tellGap(before: string, at: string): string {
  const ms = Math.max(0, Date.parse(at) - Date.parse(before));
  if (ms < 10_000) return `${ms.toLocaleString('en')} ms later`;
  return `${Math.round(ms / 1000).toLocaleString('en')} s later`;
}
