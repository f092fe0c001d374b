import { Logger } from '../../sdk';
import type { PartedLog } from '../log/log';

/** A line of the host's log. */
export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** A log that keeps its lines, so that a test can look at them. */
export class RecordingLog extends Logger implements PartedLog {
  constructor(
    readonly lines: LogLine[] = [],
    private readonly known: object = {},
  ) {
    super();
  }

  child(fields: object): RecordingLog {
    return new RecordingLog(this.lines, { ...this.known, ...fields });
  }

  isEnabled(): boolean {
    return true;
  }

  debug(message: string, fields?: object): void {
    this.add('debug', message, fields);
  }
  info(message: string, fields?: object): void {
    this.add('info', message, fields);
  }
  warn(message: string, fields?: object): void {
    this.add('warn', message, fields);
  }
  error(message: string, fields?: object): void {
    this.add('error', message, fields);
  }

  private add(level: LogLine['level'], message: string, fields?: object): void {
    this.lines.push({ level, message, fields: { ...this.known, ...fields } });
  }
}
