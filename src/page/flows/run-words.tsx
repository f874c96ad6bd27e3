import type { z } from '@hono/zod-openapi';
import type { runSchema } from '../../flows/run.ts';
import { type Outcome, OutcomeBadge } from '../parts/outcome.tsx';

/** One execution of a flow, as lists show it. */
export type Run = z.output<typeof runSchema>;

const badges: Record<Run['status'], { outcome: Outcome; word: string }> = {
  queued: { outcome: 'waiting', word: 'Queued' },
  running: { outcome: 'sending', word: 'Running' },
  succeeded: { outcome: 'delivered', word: 'Succeeded' },
  failed: { outcome: 'failed', word: 'Failed' },
  abandoned: { outcome: 'abandoned', word: 'Abandoned' },
};

/** How a run stands, as a badge. */
export function RunBadge({ status }: { status: Run['status'] }) {
  return <OutcomeBadge {...badges[status]} />;
}

/** The word for how a run stands. */
export function wordOf(status: Run['status']): string {
  return badges[status].word;
}

/** By what a run was begun. */
export const sourceWords: Record<Run['source'], string> = {
  flow_webhook: 'its URL',
  app_webhook: 'an app webhook',
  rerun: 'run again by hand',
};

/** How long a run took, e.g. `84 ms`. */
export function tellRunDuration({ startedAt, endedAt }: Run): string {
  if (startedAt === null || endedAt === null) return '–';
  return `${(Date.parse(endedAt) - Date.parse(startedAt)).toLocaleString('en')} ms`;
}

/** What went wrong in a run, in words; null when nothing did. */
export function tellError({ status, error }: Run): string | null {
  if (status === 'abandoned')
    return 'It was interrupted. How far it came is not known: look into the steps that send something before you run it again.';
  if (!error) return null;
  const line = error.line === null ? '' : ` (line ${error.line} of the template)`;
  return `${error.where}: ${error.message}${line}`;
}
