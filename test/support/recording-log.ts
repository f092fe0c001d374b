import { Logger } from 'jetplug/sdk';

export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** A log that a test can read. */
export class RecordingLog extends Logger {
  readonly lines: LogLine[] = [];

  debug(message: string, fields: object = {}): void {
    this.lines.push({ level: 'debug', message, fields: { ...fields } });
  }
  info(message: string, fields: object = {}): void {
    this.lines.push({ level: 'info', message, fields: { ...fields } });
  }
  warn(message: string, fields: object = {}): void {
    this.lines.push({ level: 'warn', message, fields: { ...fields } });
  }
  error(message: string, fields: object = {}): void {
    this.lines.push({ level: 'error', message, fields: { ...fields } });
  }
}
