import { type Hour, kinds, percentiles } from './hours.ts';
import { number, Table } from './table.tsx';

/** The figures of the chart, newest first. */
export function HoursTable({ hours }: { hours: Hour[] }) {
  return (
    <Table heads={['Hour', ...[...kinds, ...percentiles].map(({ words }) => number(words))]}>
      {hours.toReversed().map((hour) => (
        <tr>
          <td data-label="Hour">
            <HourTime at={hour.hour} />
          </td>
          {kinds.map(({ name, words }) => (
            <td class="number" data-label={words}>
              {hour[name].toLocaleString('en')}
            </td>
          ))}
          {percentiles.map(({ name, words }) => (
            <td class="number" data-label={words}>
              {hour.latencyMs[name] === null ? '–' : `${hour.latencyMs[name]} ms`}
            </td>
          ))}
        </tr>
      ))}
    </Table>
  );
}

/** An hour by when it begins. */
export function HourTime({ at }: { at: string }) {
  return (
    <time datetime={at} data-format="hour">
      {at.slice(11, 16)} UTC
    </time>
  );
}
