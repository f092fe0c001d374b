import { firstLine, terminalText } from '../base/utf8';
import { unescapeKey } from '../effects/store-keys';
import type { HostRun, Trace, TracedEvent, TracedRun } from '../ops/trace';
import { durationText } from './duration-text';
import { paint, table } from './output';

const BAR_WIDTH = 28;
/** Below this width the bars are left out. */
const MIN_WIDTH = 110;
const MAX_KEYS = 3;

interface Row {
  readonly tree: string;
  readonly result: string;
  readonly times: string;
  readonly bar: string;
}

/** Draws a tree of events as a waterfall. */
export function traceLines(trace: Trace, columns = MIN_WIDTH): string[] {
  const { startedAtMs, endedAtMs, root, strays, isPartial } = trace;
  const scale = new Scale(startedAtMs, Math.max(1, endedAtMs - startedAtMs));
  const rows = [...rowsOfEvent(root, '', '', scale)];
  for (const stray of strays) rows.push(...rowsOfEvent(stray, '', '', scale));
  const began = new Date(startedAtMs).toISOString().replace('T', ' ').replace('Z', ' UTC');
  const withBars = columns >= MIN_WIDTH;
  return [
    `${paint('bold', `trace ${terminalText(root.id)}`)}  ${paint('dim', `${began}, ${durationText(endedAtMs - startedAtMs)}`)}`,
    ...table(rows.map(({ tree, result, times, bar }) => [tree, result, times, ...(withBars ? [bar] : [])])),
    ...(strays.length > 0 ? [paint('dim', 'The runs that published the last events are not recorded.')] : []),
    ...(isPartial
      ? [
          paint(
            'yellow',
            'The tree is partial: it is not in the sample (tracing.sample), so only failed runs are recorded.',
          ),
        ]
      : []),
  ];
}

function* rowsOfEvent(event: TracedEvent, lead: string, below: string, scale: Scale): Iterable<Row> {
  const { id, subject, stream, sequence, storedAtMs, runs } = event;
  const place = stream === undefined ? terminalText(id) : `${stream}:${sequence}`;
  yield {
    tree: `${lead}${paint('cyan', terminalText(subject ?? id))} ${paint('dim', terminalText(place))}`,
    result: runs.length === 0 ? paint('dim', 'no recorded run') : '',
    times: '',
    bar: storedAtMs === undefined ? '' : scale.mark(storedAtMs),
  };
  for (const [i, run] of runs.entries()) yield* rowsOfRun(run, below, i === runs.length - 1, scale);
}

function* rowsOfRun({ record, events }: TracedRun, lead: string, isLast: boolean, scale: Scale): Iterable<Row> {
  const { plugin, handler, attempt, storedAtMs, startedAtMs, ranMs, tookMs, error, lines = [], linesLeft = 0 } = record;
  const below = `${lead}${isLast ? '   ' : '│  '}`;
  const more = events.length > 0 ? '│  ' : '   ';
  yield {
    tree: `${lead}${isLast ? '└─ ' : '├─ '}${plugin}.${handler}${attempt > 1 ? paint('dim', ` attempt ${attempt}`) : ''}`,
    result: resultOf(record),
    times: `${attempt === 1 ? `wait ${durationText(Math.max(0, startedAtMs - storedAtMs))}, ` : ''}ran ${durationText(ranMs)}`,
    bar: scale.bar(startedAtMs, tookMs),
  };
  const notes = [
    ...(error ? [paint('red', firstLine(terminalText(`${error.name}: ${error.message}`), 200))] : []),
    ...lines.map(({ level, message }) => paint('dim', firstLine(terminalText(`${level}: ${message}`), 200))),
    ...(linesLeft > 0 ? [paint('dim', `${linesLeft} more lines in the log`)] : []),
  ];
  for (const note of notes) yield { tree: `${below}${more}${note}`, result: '', times: '', bar: '' };
  for (const [i, event] of events.entries()) {
    const ends = i === events.length - 1;
    yield* rowsOfEvent(event, `${below}${ends ? '└▸ ' : '├▸ '}`, `${below}${ends ? '   ' : '│  '}`, scale);
  }
}

function resultOf({ outcome, verdict, reason, delayMs, writes = [] }: HostRun): string {
  if (outcome === 'handled') return `${paint('green', '✔')}${writes.length > 0 ? ` wrote ${keys(writes)}` : ''}`;
  const then = {
    settled: 'event settled',
    retried: `retry in ${durationText(delayMs ?? 0)}`,
    waits: `waits ${durationText(delayMs ?? 0)}`,
    'dead-lettered': `dead letter (${reason})`,
    released: 'nacked',
  }[verdict];
  const sign = verdict === 'dead-lettered' ? paint('red', '✖') : paint('yellow', '↻');
  return `${sign} ${outcome}, ${then}`;
}

function keys(writes: readonly string[]): string {
  const shown = writes.slice(0, MAX_KEYS).map((key) => {
    const { key: name, scope } = unescapeKey(key);
    return firstLine(terminalText(scope === undefined ? name : `${scope}/${name}`), 40);
  });
  return shown.join(', ') + (writes.length > MAX_KEYS ? ` and ${writes.length - MAX_KEYS} more` : '');
}

/** Places times on a line of characters. */
class Scale {
  constructor(
    private readonly startMs: number,
    private readonly lengthMs: number,
  ) {}

  mark(atMs: number): string {
    return paint('dim', `${' '.repeat(this.column(atMs))}◆`);
  }

  bar(fromMs: number, tookMs: number): string {
    const from = this.column(fromMs);
    const to = this.column(fromMs + tookMs);
    return `${' '.repeat(from)}${paint('blue', to > from ? '█'.repeat(to - from) : '▏')}`;
  }

  private column(atMs: number): number {
    return Math.round((Math.min(Math.max(0, atMs - this.startMs), this.lengthMs) / this.lengthMs) * (BAR_WIDTH - 1));
  }
}
