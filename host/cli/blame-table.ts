import { cut, terminalText } from '../base/utf8';
import type { KeyChange } from '../records/history/key-changes';
import type { KeptHistory } from '../records/history/moment';
import { sourceOf, type Source } from '../ops/store-page';
import type { ChangeWriter, TextsBefore } from './change-writer';
import { isoTime } from './history-text';
import { paint, printed, table } from './output';
import { shownText } from './stored-value';

/** The number of rows that are laid out together, and printed before the next ones are read. */
const PAGE = 100;
/** The length of a value on a terminal. */
const SHORT = 60;

const SOURCES: Record<Exclude<Source, 'handler'>, string> = {
  code: 'code outside of a handler',
  cli: 'jetplug store',
  bucket: 'another program',
};

/** Prints a table, one page after the other. */
export function blameTable(plugin: string, beforePrint: () => void): ChangeWriter {
  let rows = [
    ['time', 'handler', 'version', 'attempt', 'event', 'event id', 'value'].map((text) => paint('dim', text)),
  ];
  let isEmpty = true;
  const flush = (): Promise<boolean> => {
    beforePrint();
    const page = table(rows);
    rows = [];
    return printed(page.map((line) => `${line}\n`).join(''));
  };
  return {
    get isEmpty() {
      return isEmpty;
    },
    show: async (change) => {
      isEmpty = false;
      rows.push(rowOf(change));
      return rows.length < PAGE || flush();
    },
    end: async (rest, kept) => {
      if (rest?.before.kind === 'known') {
        rows.push([`before ${sinceText(kept)}`, '-', '-', '-', '-', '-', shown(rest.before.text)]);
      }
      await flush();
      for (const line of notes(plugin, rest, kept)) await printed(`${paint('dim', line)}\n`);
    },
  };
}

function rowOf({ storedAtMs, origin, text }: KeyChange): string[] {
  const source = sourceOf(origin);
  const time = isoTime(storedAtMs);
  if (source !== 'handler') return [time, SOURCES[source], '-', '-', '-', '-', shown(text)];
  const { handler, version = '-', attempt, stream, sequence, eventId = '-' } = origin;
  const event = [`${stream}:${sequence}`, eventId].map(terminalText);
  return [time, terminalText(handler), version, String(attempt), ...event, shown(text)];
}

function shown(text: string | null): string {
  if (text === null) return paint('yellow', '(deleted)');
  const whole = shownText(text);
  return process.stdout.isTTY ? cut(whole, SHORT) : whole;
}

function notes(plugin: string, rest: TextsBefore | undefined, kept: KeptHistory): string[] {
  if (!rest) return ['There are earlier values: --limit 100 shows more, and --limit all shows all.'];
  const { before, foreign } = rest;
  const begins = `The history of ${plugin} begins at ${sinceText(kept)}`;
  const ends = {
    none: 'The key had no value before.',
    known: `${begins}; the bucket has the value from before.`,
    unknown: `${begins}; the value before that is not known.`,
  };
  if (!foreign) return [ends[before.kind]];
  return [
    ends[before.kind],
    `No host has taken up the change of another program in the bucket: ${shown(foreign.text)}`,
  ];
}

function sinceText({ sinceMs }: KeptHistory): string {
  return sinceMs === undefined ? 'its first commit' : isoTime(sinceMs);
}
