import { layOut } from '../base/json-text';
import type { KeyChange } from '../records/history/key-changes';
import type { KeptHistory } from '../records/history/moment';
import { sourceOf } from '../ops/store-page';
import type { ChangeWriter, TextsBefore } from './change-writer';
import { isoTime } from './history-text';
import { printed } from './output';
import { textMember, withMember } from './stored-value';

/** Prints one JSON object. Its list of values is printed piece by piece, because it may be too large for the memory. */
export function blameJson(where: object): ChangeWriter {
  let count = 0;
  const add = (object: object, text: string | null): Promise<boolean> => {
    const value = withMember(object, text === null ? '"deleted":true' : textMember(text));
    const isFirst = count++ === 0;
    return printed(`${isFirst ? head(where) : ','}${indented(value)}`);
  };
  return {
    get isEmpty() {
      return count === 0;
    },
    show: (change) => add(aboutChange(change), change.text),
    end: async (rest, kept) => {
      if (rest?.before.kind === 'known') await add({ beforeHistory: true }, rest.before.text);
      if (count === 0) await printed(head(where));
      await printed(tail(rest, kept));
    },
  };
}

function head(where: object): string {
  return `${JSON.stringify(where).slice(0, -1)},"values":[`;
}

function tail(rest: TextsBefore | undefined, kept: KeptHistory): string {
  const about = JSON.stringify({
    more: rest === undefined,
    complete: rest?.before.kind === 'none',
    historySince: kept.sinceMs === undefined ? null : isoTime(kept.sinceMs),
  });
  const text = rest?.foreign?.text;
  const foreign = text === undefined ? '' : `,"notTakenUp":{${text === null ? '"deleted":true' : textMember(text)}}`;
  return `${process.stdout.isTTY ? '\n' : ''}],${about.slice(1, -1)}${foreign}}\n`;
}

function aboutChange({ position, storedAtMs, origin }: KeyChange): object {
  const { handler, version, attempt, stream, sequence, eventId } = origin;
  const by = sourceOf(origin);
  return {
    time: isoTime(storedAtMs),
    commit: position,
    by,
    ...(by === 'handler' && { handler, version, attempt, event: { stream, sequence, id: eventId } }),
  };
}

/** On a terminal, each value is laid out on lines of its own. */
function indented(json: string): string {
  return process.stdout.isTTY ? `\n  ${layOut(json, 2).replaceAll('\n', '\n  ')}` : json;
}
