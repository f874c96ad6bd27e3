import type { z } from '@hono/zod-openapi';
import type { deliverySchema } from '../../outbox/delivery.ts';
import { pathOfTab } from '../location-page.tsx';
import { OutcomeBadge } from '../parts/outcome.tsx';
import { Time } from '../parts/time.tsx';
import { Truncated } from '../parts/truncated.tsx';
import { count, hostAndPathOf, tellDelivery, tellDetail } from '../words.ts';

export type Delivery = z.output<typeof deliverySchema>;

type Props = {
  delivery: Delivery;
  /** The URL of its webhook; undefined when that was deleted. */
  url: string | undefined;
  /** Whether it comes while somebody looks. */
  isNew?: boolean;
};

/** A delivery as a row of the log. */
export function DeliveryRow({ delivery, url, isNew = false }: Props) {
  const { id, locationId, outcome, events, startedAt, endedAt } = delivery;
  return (
    <tr id={`delivery-${id}`} class={isNew ? 'arrives' : undefined}>
      <td data-label="Outcome">
        <div>
          <div class="row">
            <OutcomeBadge outcome={outcome} />
            <Marks delivery={delivery} />
          </div>
          <p class="hint">
            <a href={`${pathOfTab(locationId, 'deliveries')}/${id}`}>{tellDelivery(delivery).what}</a>{' '}
            {tellDetail(delivery)}
          </p>
        </div>
      </td>
      <td class="url mono" data-label="Webhook">
        {url === undefined ? <span class="muted">deleted</span> : <Truncated text={hostAndPathOf(url)} />}
      </td>
      <td class="number" data-label="Events">
        <div>
          {count(events, 'event')}
          {!delivery.test && <p class="hint">{tellSequences(delivery)}</p>}
        </div>
      </td>
      <td class="number" data-label="When">
        {startedAt || endedAt ? <Time at={startedAt ?? endedAt} /> : <span class="muted">not yet</span>}
      </td>
    </tr>
  );
}

/** Whether a delivery is a test or a resend. */
export function Marks({ delivery: { test, resendOf } }: Pick<Props, 'delivery'>) {
  return (
    <>
      {test && <span class="state skipped">Test</span>}
      {resendOf && <span class="state skipped">Resend</span>}
    </>
  );
}

/** The sequences of what a delivery carries. @example 'sequence 5–7' */
export function tellSequences({ firstSequence, lastSequence }: Delivery): string {
  if (firstSequence === lastSequence) return `sequence ${firstSequence}`;
  return `sequence ${firstSequence}–${lastSequence}`;
}
