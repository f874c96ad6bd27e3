import { HourTime } from './chart-table.tsx';
import { endedOf, type Hour, kinds, percentiles } from './hours.ts';

/** Pixels; the width is that of the page. */
const barsHeight = 112;
const linesHeight = 56;

/** The picture of the chart: bars above, lines below, one axis of time. */
export function Plot({ hours }: { hours: Hour[] }) {
  const most = Math.max(...hours.map(endedOf));
  const slowestMs = Math.max(1, ...hours.map(({ latencyMs }) => latencyMs.p95 ?? 0));
  return (
    <div class="plot">
      <Axis top={most.toLocaleString('en')} />
      <Bars hours={hours} most={most} />
      <Axis top={`${slowestMs.toLocaleString('en')} ms`} />
      <Lines hours={hours} mostMs={slowestMs} />
      <Ticks hours={hours} />
    </div>
  );
}

/** The scale of a part of the chart: from 0 to its top. */
function Axis({ top }: { top: string }) {
  return (
    <div class="axis" aria-hidden="true">
      <span>{top}</span>
      <span>0</span>
    </div>
  );
}

/** Deliveries by hour, stacked by how they ended. */
function Bars({ hours, most }: { hours: Hour[]; most: number }) {
  const step = 100 / hours.length;
  return (
    <svg role="img" width="100%" height={barsHeight}>
      <title>Deliveries by hour and how they ended</title>
      <defs>
        {kinds.map(({ name, look, pattern }) => (
          <pattern id={`chart-${name}`} width="8" height="8" patternUnits="userSpaceOnUse">
            <rect class={look} width="8" height="8" />
            <path class="grain" d={pattern} />
          </pattern>
        ))}
      </defs>
      <line class="grid" x1="0" x2="100%" y1="0.5" y2="0.5" />
      <line class="grid" x1="0" x2="100%" y1={barsHeight - 0.5} y2={barsHeight - 0.5} />
      {hours.map((hour, n) => (
        <g>
          <title>{tellHour(hour)}</title>
          {stack(hour, most).map(({ name, y, height }) => (
            <rect
              x={`${(n + 0.1) * step}%`}
              width={`${0.8 * step}%`}
              y={y}
              height={height}
              fill={`url(#chart-${name})`}
            />
          ))}
        </g>
      ))}
    </svg>
  );
}

/** The parts of a bar in pixels, from the ground up. */
function stack(hour: Hour, most: number) {
  let y = barsHeight;
  return kinds.flatMap(({ name }) => {
    const height = (hour[name] / most) * (barsHeight - 1);
    y -= height;
    return height > 0 ? [{ name, y: round(y), height: round(height) }] : [];
  });
}

const round = (pixels: number) => Math.round(pixels * 10) / 10;

function tellHour(hour: Hour): string {
  const parts = kinds.filter(({ name }) => hour[name] > 0).map(({ name, words }) => `${hour[name]} ${words}`);
  return `${hour.hour.slice(11, 16)} UTC: ${parts.join(', ') || 'nothing was sent'}`;
}

/** How long those that arrived took, by hour. */
function Lines({ hours, mostMs }: { hours: Hour[]; mostMs: number }) {
  const step = 100 / hours.length;
  const y = (ms: number) => round(linesHeight - 2 - (ms / mostMs) * (linesHeight - 4));
  return (
    <svg role="img" width="100%" height={linesHeight}>
      <title>Milliseconds until those that arrived were answered, by hour</title>
      <line class="grid" x1="0" x2="100%" y1={linesHeight - 0.5} y2={linesHeight - 0.5} />
      {percentiles.map(({ name, look }) =>
        hours.map(({ latencyMs }, n) => {
          const [ms, nextMs] = [latencyMs[name], hours[n + 1]?.latencyMs[name] ?? null];
          if (ms === null) return null;
          const [x, nextX] = [`${(n + 0.5) * step}%`, `${(n + 1.5) * step}%`];
          // An hour between two that are empty is a dot: a line of no length, with round ends.
          return nextMs === null ? (
            <line class="line dot" x1={x} x2={x} y1={y(ms)} y2={y(ms)} />
          ) : (
            <line class={look} x1={x} x2={nextX} y1={y(ms)} y2={y(nextMs)} />
          );
        }),
      )}
    </svg>
  );
}

/** The times of four hours, each where its bar begins. */
function Ticks({ hours }: { hours: Hour[] }) {
  return (
    <div class="ticks" aria-hidden="true">
      {hours
        .filter((_, n) => n % (hours.length / 4) === 0)
        .map(({ hour }) => (
          <HourTime at={hour} />
        ))}
    </div>
  );
}
