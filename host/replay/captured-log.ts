import { Logger } from '../../sdk';
import { plainText, plainValue } from '../base/plain-value';
import type { PartedLog } from '../log/log';
import { currentOwner } from '../message/run';
import type { CapturedLine } from './effect-run';

/** The number of lines that are kept. */
const MAX_LINES = 1_000;

/** A log that keeps the lines of a plugin's code, and drops those of the host's own. */
export class CapturedLog extends Logger implements PartedLog {
  readonly lines: CapturedLine[] = [];
  /** How many lines were left out. */
  left = 0;

  child(): this {
    return this;
  }

  isEnabled(): boolean {
    return true;
  }

  debug(message: string, fields?: object): void {
    this.note('debug', message, fields);
  }
  info(message: string, fields?: object): void {
    this.note('info', message, fields);
  }
  warn(message: string, fields?: object): void {
    this.note('warn', message, fields);
  }
  error(message: string, fields?: object): void {
    this.note('error', message, fields);
  }

  /** Keeps a line, whichever code has logged it. */
  add(level: CapturedLine['level'], message: string, fields: object = {}): void {
    if (this.lines.length >= MAX_LINES) this.left++;
    else this.lines.push({ level, message: plainText(message), fields: plainValue(fields) as CapturedLine['fields'] });
  }

  private note(level: CapturedLine['level'], message: string, fields?: object): void {
    // A plugin's code runs in a scope of its own, also when it logs later.
    if (currentOwner()) this.add(level, message, fields);
  }
}
