import type { AttemptResult } from '../delivery/attempt.ts';
import { logger } from '../logger.ts';
import { metrics } from '../metrics.ts';
import type { ClaimedDelivery } from './claim.ts';

/** One log line per delivery, and its metrics. The endpoint is named by id: its URL may hold a secret. */
export function logOutcome(delivery: ClaimedDelivery, result: AttemptResult): void {
  const { outcome, reason, statusCode, durationMs } = result;
  const { locationId, endpointId, id: deliveryId, firstSequence, lastSequence } = delivery;
  const fields = {
    deliveryId,
    locationId,
    endpointId,
    firstSequence,
    lastSequence,
    outcome,
    reason,
    statusCode,
    durationMs,
  };
  metrics.deliveries.inc(reason ?? 'none');
  metrics.deliverySeconds.observe(durationMs / 1000);
  if (outcome === 'delivered') logger.info(fields, 'delivery ended');
  else logger.warn(fields, 'delivery ended');
}
