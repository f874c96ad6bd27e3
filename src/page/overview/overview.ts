import type { Endpoint, Stats } from '../endpoints/endpoints-page.tsx';
import { count, hostOf, tellDelivery } from '../words.ts';

/** Whether it is working, in a sentence, and how that looks. */
export type Verdict = { text: string; look: 'good' | 'bad' | 'warn' | 'muted'; advice: string | null };

/**
 * The first answer of a location's page.
 * @example judgeLocation(stats, endpoints).text; // 'All 214 events of the last 24 hours were delivered.'
 */
export function judgeLocation(stats: Stats, endpoints: Endpoint[]): Verdict {
  const { failures, events, backlog } = stats;
  const [worst] = failures;
  if (endpoints.length === 0)
    return {
      text: 'No webhook is set up, so events are sent nowhere.',
      look: 'muted',
      advice:
        'A webhook is a web address of your website, till or display, which we tell as soon as somebody books or cancels a session.',
    };
  if (worst) return tellWorst(stats, worst, endpoints);
  if (backlog > 0)
    return { text: `${count(backlog, 'event')} ${isAre(backlog)} on the way.`, look: 'warn', advice: null };
  if (endpoints.every(({ enabled }) => !enabled))
    return { text: 'Every webhook is paused: events are skipped.', look: 'warn', advice: null };
  if (events.delivered === 0) return { text: 'No events in the last 24 hours.', look: 'muted', advice: null };
  const which = events.accepted > 0 ? `All ${count(events.accepted, 'event')}` : 'All events';
  return { text: `${which} of the last 24 hours were delivered.`, look: 'good', advice: null };
}

/** Tells of the endpoint that missed most, by what was most often the reason. */
function tellWorst(stats: Stats, worst: Stats['failures'][number], endpoints: Endpoint[]): Verdict {
  const ofWorst = stats.failures.filter(({ endpointId }) => endpointId === worst.endpointId);
  const missed = ofWorst.reduce((sum, { events }) => sum + events, 0);
  const others = new Set(stats.failures.map(({ endpointId }) => endpointId)).size - 1;
  const endpoint = endpoints.find(({ id }) => id === worst.endpointId);
  const host = endpoint ? hostOf(endpoint.url) : 'a webhook that was deleted';
  const story = tellDelivery({ ...worst, durationMs: null, startedAt: null });
  const what = `${story.what.charAt(0).toLowerCase()}${story.what.slice(1)}`;
  const whole = Math.max(missed, stats.events.accepted).toLocaleString('en');
  const more = others > 0 ? ` ${count(others, 'other webhook')} missed events too.` : '';
  return {
    text: `${missed.toLocaleString('en')} of ${whole} events did not reach ${host}: ${what}${more}`,
    look: 'bad',
    advice: story.advice,
  };
}

function isAre(amount: number): string {
  return amount === 1 ? 'is' : 'are';
}
