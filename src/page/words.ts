import type { outcomes, reasons } from '../db/schema.ts';

/** As much of a delivery as tells how it went. */
export type Told = {
  outcome: (typeof outcomes)[number];
  reason: (typeof reasons)[number] | null;
  statusCode: number | null;
  durationMs: number | null;
  startedAt: string | null;
};

/** How a delivery went, for people: what happened, and what to do about it (null when there is nothing to do). */
export type Story = { what: string; advice: string | null };

/** @example tellDelivery(delivery); // { what: 'It did not answer within 2 seconds.', advice: 'Let the receiver ...' } */
export function tellDelivery({ outcome, reason, statusCode, durationMs, startedAt }: Told): Story {
  if (outcome === 'sending')
    return {
      what: startedAt ? 'It is being sent right now.' : 'It waits for its turn at this webhook.',
      advice: null,
    };
  if (outcome === 'delivered')
    return { what: `It answered ${statusCode} after ${durationMs} ms.`, advice: null };
  if (reason === 'http_status') return tellStatus(statusCode ?? 0);
  return reason === 'timeout' ? tellTimeout(durationMs ?? longestMs) : reasonWords[reason ?? 'crashed'];
}

const reasonWords: Record<Exclude<Told['reason'], null | 'http_status' | 'timeout'>, Story> = {
  dns: {
    what: 'Its name was not found in the DNS.',
    advice: 'Check the spelling of the host in the URL, and that the name exists for everybody.',
  },
  connect: {
    what: 'No connection could be made.',
    advice: 'Check that the receiver runs, that its port is right, and that its firewall lets us in.',
  },
  tls: {
    what: 'No secure connection could be made.',
    advice: 'Check its certificate: it must be valid, complete, and made for the host in the URL.',
  },
  reset: {
    what: 'It closed the connection before it answered.',
    advice: 'Look into the log of the receiver, or of the proxy before it, at this time.',
  },
  protocol: {
    what: 'It answered with something that is not HTTP.',
    advice: 'Check that the URL leads to a web server, and whether it wants https.',
  },
  blocked: {
    what: 'The URL leads to an address that we may not send to.',
    advice: 'Use an address that is public. Private networks have to be allowed by the operator.',
  },
  crashed: {
    what: 'We were interrupted while we sent it. Whether it arrived is not known.',
    advice: 'Look whether the receiver has it, and resend it if it does not.',
  },
};

/** Milliseconds that an attempt takes at most, where nobody measured how long it did. */
const longestMs = 2000;

function tellTimeout(durationMs: number): Story {
  const seconds = Math.round(durationMs / 100) / 10;
  return {
    what: `It did not answer within ${seconds === 1 ? '1 second' : `${seconds} seconds`}.`,
    advice: 'Let the receiver answer at once, with 204 for example, and do its work afterwards.',
  };
}

/** What common answers mean, by status code or by its first digit. */
const statusAdvice: Record<number, string> = {
  3: 'We never follow redirects: enter the URL that it leads to.',
  4: 'The receiver did not accept the request. Look into its log for the reason.',
  5: 'The receiver has a fault of its own. Tell its operator, and resend when it is mended.',
  400: 'The receiver did not understand the events. Check that it takes a JSON array.',
  401: 'The receiver wants to be shown a credential: check the custom headers of this webhook.',
  403: 'The receiver does not let us in: check the custom headers of this webhook, and its firewall.',
  404: 'There is nothing at this path: check the URL.',
  405: 'The receiver takes no POST at this path: check the URL.',
  410: 'The receiver says that this address is gone for good: ask its operator for the new one.',
  413: 'The receiver takes only smaller requests: ask its operator to allow 256 KiB.',
  415: 'The receiver does not take JSON at this path: check the URL.',
  429: 'The receiver was asked too often: ask its operator to allow more.',
};

function tellStatus(statusCode: number): Story {
  const advice = statusAdvice[statusCode] ?? statusAdvice[Math.floor(statusCode / 100)] ?? null;
  return { what: `It answered ${statusCode}, which is not a success.`, advice };
}

/**
 * The same for developers; empty where the words say it all.
 * @example tellDetail(delivery); // 'http_status · status 500 · 12 ms'
 */
export function tellDetail({ outcome, reason, statusCode, durationMs }: Told): string {
  if (outcome === 'delivered') return '';
  const status = statusCode === null ? null : `status ${statusCode}`;
  const duration = durationMs === null ? null : `${durationMs.toLocaleString('en')} ms`;
  return [reason, status, duration].filter(Boolean).join(' · ');
}

/** A number with its noun. @example count(1204, 'event'); // '1,204 events' */
export function count(amount: number, noun: string): string {
  return `${amount.toLocaleString('en')} ${amount === 1 ? noun : noun.replace(/([^aeiou])y$/, '$1ie') + 's'}`;
}

/** The host of a URL, by which people know it. */
export function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : url;
}

/** The host and path of a URL. @example hostAndPathOf('https://a.example/b?c'); // 'a.example/b' */
export function hostAndPathOf(url: string): string {
  if (!URL.canParse(url)) return url;
  const { host, pathname } = new URL(url);
  return pathname === '/' ? host : host + pathname;
}
