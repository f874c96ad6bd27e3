type Hour = { hour: string; deliveries: number; delivered: number };

const width = 240;
const height = 32;

/** Deliveries by hour as small bars: those that arrived below, those that did not on top, hollow. */
export function Sparkline({ hours }: { hours: Hour[] }) {
  const most = Math.max(1, ...hours.map(({ deliveries }) => deliveries));
  const step = width / hours.length;
  const sum = (pick: (hour: Hour) => number) => hours.reduce((total, hour) => total + pick(hour), 0);
  const label = `Last ${hours.length} hours: ${sum((hour) => hour.delivered)} of ${sum((hour) => hour.deliveries)} deliveries arrived`;
  return (
    <svg
      class="sparkline"
      viewBox={`0 0 ${width} ${height}`}
      role="img"
      aria-label={label}
      preserveAspectRatio="none"
    >
      <path class="base" d={`M0 ${height - 0.5}H${width}`} />
      {hours.map(({ deliveries, delivered }, n) => {
        const scale = (value: number) => (value / most) * (height - 2);
        const x = n * step + 1;
        return (
          <>
            <rect
              class="good"
              {...{ x, width: step - 2, y: height - scale(delivered), height: scale(delivered) }}
            />
            <rect
              class="bad"
              {...{
                x,
                width: step - 2,
                y: height - scale(deliveries),
                height: scale(deliveries - delivered),
              }}
            />
          </>
        );
      })}
    </svg>
  );
}
