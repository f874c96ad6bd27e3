import { type Hour, kinds, percentiles } from './hours.ts';

/** The figures of the chart, newest first. */
export function HoursTable({ hours }: { hours: Hour[] }) {
  return (
    <div class="table">
      <table>
        <thead>
          <tr>
            <th>Hour</th>
            {kinds.map(({ words }) => (
              <th class="number">{words}</th>
            ))}
            {percentiles.map(({ words }) => (
              <th class="number">{words}</th>
            ))}
          </tr>
        </thead>
        <tbody>
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
        </tbody>
      </table>
    </div>
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
