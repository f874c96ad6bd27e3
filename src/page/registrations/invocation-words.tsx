import type { z } from '@hono/zod-openapi';
import type { invocationSchema } from '../../webhooks/invocation.ts';
import { type Outcome, OutcomeBadge } from '../parts/outcome.tsx';
import { type Story, tellDelivery } from '../words.ts';

/** One trigger of a registered webhook, as lists show it. */
export type Invocation = z.output<typeof invocationSchema>;

type Told = Pick<Invocation, 'outcome' | 'reason' | 'detail' | 'status' | 'durationMs'>;

/** How an invocation ended, as a badge. */
export function InvocationBadge({ invocation }: { invocation: Told }) {
  const { outcome, word } = badgeOf(invocation);
  return <OutcomeBadge outcome={outcome} word={word} />;
}

function badgeOf({ outcome, status }: Told): { outcome: Outcome; word: string } {
  if (outcome === 'answered')
    return { outcome: isSuccess(status) ? 'delivered' : 'failed', word: `Answered ${status}` };
  if (outcome === 'refused') return { outcome: 'skipped', word: 'Not sent' };
  return { outcome, word: endWords[outcome] };
}

const endWords = {
  sending: 'Under way',
  failed: 'No answer',
  timed_out: 'Timed out',
  abandoned: 'Abandoned',
} as const;

/** How an invocation went, for people: what happened, and what to do about it. */
export function tellInvocation(invocation: Told): Story {
  const { outcome, detail, status, durationMs } = invocation;
  if (outcome === 'sending') return { what: 'It is under way.', advice: null };
  if (outcome === 'refused') return { what: `Nothing was sent. ${detail ?? ''}`, advice: null };
  if (outcome !== 'answered') return tellFailure(invocation);
  if (isSuccess(status))
    return { what: `The third party answered ${status} after ${durationMs} ms.`, advice: null };
  const advice = statusAdvice[status ?? 0] ?? statusAdvice[Math.floor((status ?? 0) / 100)] ?? null;
  return { what: `The third party answered ${status}, which is not a success.`, advice };
}

function tellFailure({ reason, durationMs }: Told): Story {
  const shared = sharedReasons.find((name) => name === reason);
  if (!shared) return reasonWords[reason ?? ''] ?? internal;
  return tellDelivery({ outcome: 'failed', reason: shared, statusCode: null, durationMs, startedAt: null });
}

function isSuccess(status: number | null): boolean {
  return status !== null && status >= 200 && status <= 299;
}

/** What a delivery of session events can fail from as well. */
const sharedReasons = ['dns', 'connect', 'tls', 'reset', 'protocol', 'blocked'] as const;

const reasonWords: Partial<Record<string, Story>> = {
  timeout: {
    what: 'The third party did not answer in time. Whether it acted is not known.',
    advice: 'Give it more time in the settings, or ask its operator why it takes so long.',
  },
  too_large: {
    what: 'The answer was longer than 1 MiB, or could not be unpacked.',
    advice: 'Ask the third party for less at a time.',
  },
  crashed: {
    what: 'We were interrupted while we sent it. Whether it arrived is not known.',
    advice: 'Look whether the third party has it before you trigger it again.',
  },
};

const internal: Story = {
  what: 'Something went wrong on our side. Whether it arrived is not known.',
  advice: null,
};

/** What common answers mean, by status code or by its first digit. */
const statusAdvice: Record<number, string> = {
  3: 'Redirects are never followed: register the URL that it leads to.',
  4: 'It did not accept the request: check the data, headers and parameters that were sent.',
  5: 'It has a fault of its own: tell its operator.',
  401: 'It wants to be shown a credential: check the custom headers.',
  403: 'It does not let us in: check the custom headers.',
  404: 'There is nothing at this path: check the URL.',
  405: 'It does not take this method: check the method.',
  429: 'It was asked too often: trigger it less, or ask its operator to allow more.',
};
