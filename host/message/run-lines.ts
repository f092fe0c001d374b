import { cut } from '../base/utf8';
import { plainFields, plainText } from '../base/plain-value';
import type { RunLine } from '../records/runs/run-record';

const MAX_LINES = 20;
const MAX_MESSAGE = 500;
/** The size of the fields of a line as JSON. Larger ones are left out. */
const MAX_FIELDS = 1_000;

/** Takes a copy of each line that a run logs. */
export type LineSink = (level: string, message: string, fields: object | undefined) => void;

/** The first lines that a plugin has logged in a run. */
export class LoggedLines {
  readonly lines: RunLine[] = [];
  left = 0;

  add(level: string, message: string, given: object | undefined): void {
    if (this.lines.length === MAX_LINES) {
      this.left++;
      return;
    }
    const fields = given && fieldsOf(given);
    const isSmall = fields && JSON.stringify(fields).length <= MAX_FIELDS;
    this.lines.push({ level, message: cut(plainText(message), MAX_MESSAGE), ...(isSmall && { fields }) });
  }
}

/** Returns plain fields. Of an error, its type and message: its stack would be too large. */
function fieldsOf(given: object): Record<string, unknown> {
  const entries = Object.entries(plainFields({}, given)).map(([name, value]): [string, unknown] => {
    return value instanceof Error ? [name, { type: value.name, message: value.message }] : [name, value];
  });
  return Object.fromEntries(entries);
}
