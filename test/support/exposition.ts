/** A metric as a scrape shows it; of a histogram, `samples` has its buckets, sum and count. */
export type Family = { type: string; help: string; samples: Sample[] };
type Sample = { name: string; labels: Record<string, string>; value: number };

/**
 * Reads the text format of Prometheus, version 0.0.4.
 * @throws Error with the first line that does not fit: each sample has a name, labels and a value, after the HELP and TYPE of its family.
 */
export function parseExposition(text: string): Map<string, Family> {
  if (!text.endsWith('\n')) throw new Error('The last line does not end.');
  const families = new Map<string, Family>();
  for (const line of text.split('\n').filter((each) => each !== '')) {
    const [, kind, name = '', rest = ''] = /^# (HELP|TYPE) ([a-z_]\w*) (.+)$/.exec(line) ?? [];
    if (kind === 'HELP') families.set(name, { type: '', help: rest, samples: [] });
    else if (kind === 'TYPE') family(families, name, line).type = rest;
    else addSample(families, line);
  }
  return families;
}

function addSample(families: Map<string, Family>, line: string): void {
  const [, name = '', labels = '', value = ''] = /^([a-z_]\w*)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
  const inside = [...labels.matchAll(/([a-z_]\w*)="((?:[^"\\]|\\.)*)"(?:,|$)/g)];
  const isWhole = inside.map(([all]) => all).join('') === labels;
  const number = Number(value.replace('Inf', 'Infinity'));
  // A mean of nothing is written as Nan.
  const isNumber = value === 'Nan' || !Number.isNaN(number);
  if (name === '' || !isWhole || !isNumber) throw new Error(`This is no sample: ${line}`);
  const sample = {
    name,
    labels: Object.fromEntries(inside.map(([, label, text]) => [label, text])),
    value: number,
  };
  const base = families.has(name) ? name : name.replace(/_(bucket|sum|count)$/, '');
  family(families, base, line).samples.push(sample);
}

function family(families: Map<string, Family>, name: string, line: string): Family {
  const found = families.get(name);
  if (!found) throw new Error(`Nothing was said of this before: ${line}`);
  return found;
}

/** @returns the value of the sample with this name and these labels; undefined when there is none. */
export function valueOf(families: Map<string, Family>, name: string, labels: Record<string, string> = {}) {
  const all = [...families.values()].flatMap(({ samples }) => samples);
  return all.find(
    (sample) =>
      sample.name === name && Object.entries(labels).every(([label, text]) => sample.labels[label] === text),
  )?.value;
}
