import type { endpoints } from '../db/schema.ts';

/**
 * The steps of an endpoint that keeps failing, each with what it takes: so many failures in a row, the last of them so
 * many hours after the first. Measured between failures, not by the clock: where nothing is sent, nothing is known.
 */
export const failingSteps = [
  // Fewer may be a restart; a venue with a session now and then comes to the next step by its second failure.
  { step: 'first_failures', failures: 3, hours: 0 },
  { step: 'one_hour', failures: 2, hours: 1 },
  { step: 'one_day', failures: 2, hours: 24 },
  { step: 'three_days', failures: 2, hours: 72 },
] as const;

/** How far the failing of an endpoint has come. */
type FailingStep = (typeof failingSteps)[number]['step'];

/** Failures in a row without which no endpoint is disabled, however far apart they are. */
export const minFailures = 3;

const hourMs = 3_600_000;

/**
 * The step that the failing of an endpoint has reached; null: none, or it does not fail.
 * @example failingStepOf({ failuresInARow: 3, failingSince: at, lastFailedAt: at }); // 'first_failures'
 */
export function failingStepOf({
  failuresInARow,
  failingSince,
  lastFailedAt,
}: Pick<
  typeof endpoints.$inferSelect,
  'failuresInARow' | 'failingSince' | 'lastFailedAt'
>): FailingStep | null {
  if (!failingSince || !lastFailedAt) return null;
  const hoursApart = (lastFailedAt.getTime() - failingSince.getTime()) / hourMs;
  const reached = failingSteps.filter(
    ({ failures, hours }) => failuresInARow >= failures && hoursApart >= hours,
  );
  return reached.at(-1)?.step ?? null;
}
