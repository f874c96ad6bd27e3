import type { outcomes, skipReasons } from '../../db/schema.ts';

export type Outcome = (typeof outcomes)[number] | 'skipped' | 'waiting';

/** Each outcome by its word and its shape, never by colour alone. */
const shapes: Record<Outcome, { word: string; path: string }> = {
  delivered: { word: 'Delivered', path: 'M3.5 8.5l3 3 6-7' },
  failed: { word: 'Failed', path: 'M4 4l8 8M12 4l-8 8' },
  timed_out: { word: 'Timed out', path: 'M8 4v4l2.5 2M8 1.8a6.2 6.2 0 1 1 0 12.4A6.2 6.2 0 0 1 8 1.8' },
  abandoned: { word: 'Abandoned', path: 'M5.5 6a2.5 2.5 0 1 1 3.6 2.2c-.7.4-1.1.9-1.1 1.8M8 12.8v.2' },
  skipped: { word: 'Skipped', path: 'M3.5 8h9' },
  sending: { word: 'Sending', path: 'M8 8h.01' },
  waiting: { word: 'Waiting', path: 'M4 8h.01M8 8h.01M12 8h.01' },
};

/** How something ended, as a badge; in its own word, where the usual one does not fit. */
export function OutcomeBadge({ outcome, word = shapes[outcome].word }: { outcome: Outcome; word?: string }) {
  const { path } = shapes[outcome];
  return (
    <span class={`outcome ${outcome}`}>
      <svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
        <path d={path} />
      </svg>
      {word}
    </span>
  );
}

/** An outcome in words, as its badge says it. */
export function outcomeWords(outcome: Outcome): string {
  return shapes[outcome].word;
}

/** Why an event was not sent, in words. */
export const skipWords: Record<(typeof skipReasons)[number], string> = {
  paused: 'The webhook was paused at the time.',
  filtered: 'The webhook does not want events of this kind.',
  no_endpoint: 'There was no webhook to send it to.',
  expired: 'It had waited for too long, so it was not sent any more.',
};
