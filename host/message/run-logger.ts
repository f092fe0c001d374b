import type { Logger } from '../../sdk';
import { plainFields, plainText } from '../base/plain-value';
import type { LineSink } from './run-lines';

type Level = 'debug' | 'info' | 'warn' | 'error';

/** A log that may say which lines it writes. */
interface LeveledLogger extends Logger {
  isEnabled?(level: Level): boolean;
}

/**
 * A plugin's log that adds the known fields to each line. It copies the plugin's values as plain data, and never
 * throws. A line of a level that is not written costs next to nothing.
 */
export class RunLogger implements Logger {
  constructor(
    private readonly log: LeveledLogger,
    private readonly known: object = {},
    /** Takes each line that is written, as the plugin has logged it. */
    private readonly sink?: LineSink,
  ) {}

  debug(message: string, fields?: object): void {
    this.write('debug', message, fields);
  }
  info(message: string, fields?: object): void {
    this.write('info', message, fields);
  }
  warn(message: string, fields?: object): void {
    this.write('warn', message, fields);
  }
  error(message: string, fields?: object): void {
    this.write('error', message, fields);
  }

  private write(level: Level, message: string, fields: object | undefined): void {
    if (this.log.isEnabled?.(level) === false) return;
    this.log[level](plainText(message), plainFields(this.known, fields));
    this.sink?.(level, message, fields);
  }
}
