import type { Child } from 'hono/jsx';
import { count } from '../words.ts';
import { Plot } from './chart-plot.tsx';
import { HoursTable } from './chart-table.tsx';
import { endedOf, type Hour, kinds, percentiles } from './hours.ts';

/** The deliveries of a location by hour, in the order of time: how they ended, and how long those that arrived took. */
export function DeliveriesChart({ hours, children }: { hours: Hour[]; children?: Child }) {
  return (
    <figure class="chart">
      <figcaption>
        {children}
        <p>{summarize(hours)}</p>
      </figcaption>
      {hours.some((hour) => endedOf(hour) > 0) && (
        <>
          <Plot hours={hours} />
          <Legend />
          <details>
            <summary>Show as table</summary>
            <HoursTable hours={hours} />
          </details>
        </>
      )}
    </figure>
  );
}

/** @example 'In the last 24 hours, 12 of 14 deliveries arrived: 2 failed. The busiest hour had 9.' */
function summarize(hours: Hour[]): string {
  const span = `the last ${hours.length} hours`;
  const ended = hours.reduce((sum, hour) => sum + endedOf(hour), 0);
  if (ended === 0) return `Nothing was sent in ${span}.`;
  const sums = kinds.map(({ name, words }) => ({
    words,
    sum: hours.reduce((sum, hour) => sum + hour[name], 0),
  }));
  const [delivered, ...others] = sums;
  const lost = others
    .filter(({ sum }) => sum > 0)
    .map(({ words, sum }) => `${sum.toLocaleString('en')} ${words}`);
  const busiest = Math.max(...hours.map(endedOf)).toLocaleString('en');
  const arrived = `${(delivered?.sum ?? 0).toLocaleString('en')} of ${count(ended, 'delivery')} arrived`;
  return `In ${span}, ${arrived}${lost.length > 0 ? ` (${lost.join(', ')})` : ''}. The busiest hour had ${busiest}.`;
}

function Legend() {
  return (
    <ul class="legend" aria-label="Legend">
      {kinds.map(({ name, words }) => (
        <li>
          <svg width="14" height="14">
            <rect width="14" height="14" rx="2" fill={`url(#chart-${name})`} />
          </svg>
          {words}
        </li>
      ))}
      {percentiles.map(({ words, look }) => (
        <li>
          <svg width="24" height="14">
            <line class={look} x1="1" x2="23" y1="7" y2="7" />
          </svg>
          {words}
        </li>
      ))}
    </ul>
  );
}
