export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Family {
  readonly help: string;
  readonly type: string;
  readonly samples: Sample[];
}

const NAME = '[a-zA-Z_:][a-zA-Z0-9_:]*';
const LABEL = '([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\\\\n]|\\\\[\\\\"n])*)"';
const VALUE = '[+-]?(?:\\d+(?:\\.\\d+)?(?:[eE][+-]?\\d+)?|Inf)|NaN';

/**
 * Reads the Prometheus text format, version 0.0.4, and refuses everything that a strict reader refuses: samples
 * without a type before them, a family in two places, a series twice, histograms that do not add up.
 */
export function parsePrometheus(text: string): Map<string, Family> {
  const families = new Map<string, Family>();
  const helps = new Map<string, string>();
  let current = '';
  if (!text.endsWith('\n')) throw new Error('the last line has no end');
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const help = new RegExp(`^# HELP (${NAME}) (.*)$`).exec(line);
    const type = new RegExp(`^# TYPE (${NAME}) (counter|gauge|histogram|summary|untyped)$`).exec(line);
    const sample = new RegExp(`^(${NAME})(?:\\{(.*)\\})? (${VALUE})$`).exec(line);
    if (help) {
      if (helps.has(help[1]!)) throw new Error(`a second HELP of ${help[1]}`);
      helps.set(help[1]!, help[2]!);
    } else if (type) {
      if (families.has(type[1]!)) throw new Error(`a second TYPE of ${type[1]}`);
      current = type[1]!;
      families.set(current, { help: helps.get(current) ?? '', type: type[2]!, samples: [] });
    } else if (sample) {
      const family = families.get(current);
      const name = sample[1]!;
      const suffixes = family?.type === 'histogram' ? ['_bucket', '_sum', '_count'] : [''];
      if (!family || !suffixes.some((suffix) => name === current + suffix))
        throw new Error(`outside of its family: ${line}`);
      family.samples.push({
        name,
        labels: parseLabels(sample[2] ?? ''),
        value: Number(sample[3]!.replace('Inf', 'Infinity')),
      });
    } else throw new Error(`not a line of the format: ${line}`);
  }
  for (const [name, family] of families) check(name, family);
  return families;
}

function parseLabels(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  let rest = text;
  while (rest !== '') {
    const match = new RegExp(`^${LABEL}(?:,|$)`).exec(rest);
    if (!match || Object.hasOwn(labels, match[1]!)) throw new Error(`labels: ${text}`);
    labels[match[1]!] = match[2]!;
    rest = rest.slice(match[0].length);
  }
  return labels;
}

function check(name: string, { help, type, samples }: Family): void {
  if (help === '') throw new Error(`${name} has no HELP`);
  const series = samples.map((sample) => `${sample.name} ${JSON.stringify(Object.entries(sample.labels).sort())}`);
  if (new Set(series).size !== series.length) throw new Error(`${name} has a series twice`);
  if (type === 'counter' && samples.some(({ value }) => !(value >= 0))) throw new Error(`${name} counts below 0`);
  if (type === 'histogram')
    for (const count of samples.filter((sample) => sample.name === `${name}_count`))
      checkHistogram(name, count, samples);
}

/** Buckets of one series in ascending order, cumulative, the last one infinite and equal to the count. */
function checkHistogram(name: string, count: Sample, samples: readonly Sample[]): void {
  const own = samples.filter(({ labels }) =>
    Object.entries(count.labels).every(([key, value]) => labels[key] === value),
  );
  const buckets = own.filter((sample) => sample.name === `${name}_bucket`);
  const bounds = buckets.map(({ labels }) => Number(labels['le']!.replace('Inf', 'Infinity')));
  const ascends = (values: number[], strictly: boolean): boolean =>
    values.every((value, i) => i === 0 || (strictly ? value > values[i - 1]! : value >= values[i - 1]!));
  const sums = own.filter((sample) => sample.name === `${name}_sum`);
  const good =
    ascends(bounds, true) &&
    ascends(
      buckets.map(({ value }) => value),
      false,
    ) &&
    bounds.at(-1) === Infinity;
  if (!good || buckets.at(-1)!.value !== count.value || sums.length !== 1)
    throw new Error(`${name} ${JSON.stringify(count.labels)} does not add up`);
}
