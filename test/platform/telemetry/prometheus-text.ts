/** A strict reader of Prometheus' text format 0.0.4, for tests: what it takes, `promtool check metrics` takes too. */
export interface Sample {
  name: string;
  labels: Record<string, string>;
  value: number;
}

export interface Family {
  type: string;
  help: string;
  samples: Sample[];
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*/;
const LABEL = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"/;
const VALUE = /^ ([+-]?(?:\d+(?:\.\d+)?(?:e[+-]?\d+)?|Inf)|NaN)$/;

/** @throws Error at the first line that is not as the format says */
export function parseExposition(text: string): Map<string, Family> {
  if (!text.endsWith('\n')) throw new Error('the last line does not end');
  const families = new Map<string, Family>();
  const seen = new Set<string>();
  let open: [string, Family] | null = null;
  for (const line of text.slice(0, -1).split('\n')) {
    const help = /^# HELP (\S+) (.+)$/.exec(line);
    const type = /^# TYPE (\S+) (counter|gauge|histogram)$/.exec(line);
    if (help) {
      if (families.has(help[1]!)) throw new Error(`two families ${help[1]}`);
      open = [help[1]!, { type: '', help: help[2]!, samples: [] }];
      families.set(...open);
    } else if (type) {
      if (!open || open[0] !== type[1]) throw new Error(`TYPE without HELP: ${line}`);
      open[1].type = type[2]!;
    } else {
      const sample = parseSample(line);
      const [name, family] = open ?? ['', null];
      const suffixes = family?.type === 'histogram' ? ['_bucket', '_sum', '_count'] : [''];
      if (!family?.type || !suffixes.some((suffix) => sample.name === name + suffix))
        throw new Error(`a sample outside its family: ${line}`);
      const key = JSON.stringify([sample.name, Object.entries(sample.labels).sort()]);
      if (seen.has(key)) throw new Error(`twice: ${line}`);
      seen.add(key);
      family.samples.push(sample);
    }
  }
  for (const [name, family] of families) check(name, family);
  return families;
}

function parseSample(line: string): Sample {
  const name = NAME.exec(line)?.[0];
  if (!name) throw new Error(`no sample: ${line}`);
  let rest = line.slice(name.length);
  const labels: Record<string, string> = {};
  if (rest.startsWith('{')) {
    rest = rest.slice(1);
    while (!rest.startsWith('}')) {
      const label = LABEL.exec(rest);
      if (!label || label[1]! in labels) throw new Error(`a bad label: ${line}`);
      labels[label[1]!] = label[2]!.replace(/\\(.)/g, (_, c: string) => (c === 'n' ? '\n' : c));
      rest = rest.slice(label[0].length);
      if (rest.startsWith(',')) rest = rest.slice(1);
      else if (!rest.startsWith('}')) throw new Error(`a bad label: ${line}`);
    }
    rest = rest.slice(1);
  }
  const value = VALUE.exec(rest)?.[1];
  if (value === undefined) throw new Error(`a bad value: ${line}`);
  return { name, labels, value: Number(value.replace('Inf', 'Infinity')) };
}

/** Counters end in `_total` and are not negative; a histogram's buckets grow, and end at +Inf with its count. */
function check(name: string, { type, samples }: Family): void {
  if (type === '' || samples.length === 0) throw new Error(`${name} is empty`);
  if (type === 'counter' && !name.endsWith('_total')) throw new Error(`${name} should end in _total`);
  if (type !== 'gauge' && samples.some(({ value }) => !(value >= 0))) throw new Error(`${name} is negative`);
  if (type !== 'histogram') return;
  const series = Map.groupBy(samples, ({ labels: { le: _, ...labels } }) => JSON.stringify(labels));
  for (const [labels, of] of series) {
    const buckets = of.filter((sample) => sample.name === `${name}_bucket`);
    const bounds = buckets.map((sample) => Number(sample.labels.le!.replace('Inf', 'Infinity')));
    const counts = buckets.map((sample) => sample.value);
    const grows = (values: number[]) => values.every((value, at) => at === 0 || value >= values[at - 1]!);
    const count = of.find((sample) => sample.name === `${name}_count`)?.value;
    const sum = of.find((sample) => sample.name === `${name}_sum`)?.value;
    if (!grows(bounds) || !grows(counts) || bounds.at(-1) !== Number.POSITIVE_INFINITY)
      throw new Error(`buckets of ${name} ${labels}`);
    if (counts.at(-1) !== count || sum === undefined) throw new Error(`count of ${name} ${labels}`);
  }
}
