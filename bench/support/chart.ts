import type { Result } from './result.ts';

/** What is drawn of which scenario: longer is better. */
const panels = [
  { scenario: 'drain', column: 'POSTs/s', title: 'Draining, 1 event in each POST: POSTs/s' },
  { scenario: 'batch', column: 'events/s', title: 'Draining, 20 events in each POST: events/s' },
  { scenario: 'intake', column: 'events/s', title: 'Handing over one by one, 64 at once: events/s' },
];

const width = 720;
const nameWidth = 170;
const barHeight = 22;
const gap = 8;
const titleHeight = 40;

/** Draws bars for what the contestants reach, as an SVG that fits light and dark pages. */
export function drawChart(results: Result[]): string {
  let top = 0;
  const drawn = panels.flatMap(({ scenario, column, title }) => {
    const rows = results.find((result) => result.scenario === scenario)?.rows;
    if (!rows) return [];
    const bars = rows.map(({ name, values }) => ({ name, value: values[column] ?? 0 }));
    const panel = `<g transform="translate(0 ${top})">${drawPanel(title, bars)}</g>`;
    top += titleHeight + bars.length * (barHeight + gap);
    return [panel];
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${top}" font-family="system-ui, sans-serif" font-size="13">
<style>
text { fill: #1f2328 } .bar { fill: #b6bec8 } .bellhop { fill: #1f6feb } .limit { fill: none; stroke: #8b949e; stroke-dasharray: 4 3 }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .bar { fill: #484f58 } .bellhop { fill: #388bfd } }
</style>
${drawn.join('\n')}
</svg>
`;
}

function drawPanel(title: string, bars: { name: string; value: number }[]): string {
  const most = Math.max(...bars.map(({ value }) => value));
  const room = width - nameWidth - 80;
  const lines = bars.map(({ name, value }, index) => {
    const y = titleHeight + index * (barHeight + gap);
    const length = Math.max(1, Math.round((room * value) / most));
    const kind = name === 'bellhop' || name === 'limit' ? name : 'bar';
    const middle = y + barHeight / 2 + 4;
    return `<text x="${nameWidth - 10}" y="${middle}" text-anchor="end">${name}</text>
<rect class="${kind}" x="${nameWidth}" y="${y}" width="${length}" height="${barHeight}" rx="3"/>
<text x="${nameWidth + length + 8}" y="${middle}">${Math.round(value).toLocaleString('en')}</text>`;
  });
  return `<text x="0" y="24" font-weight="600">${title}</text>\n${lines.join('\n')}`;
}
