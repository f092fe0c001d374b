import pino, { type DestinationStream, type Logger as PinoLogger } from 'pino';
import { Logger } from '../../sdk/index';
import type { LogLevel } from '../config/config';
import { terminalLog } from './terminal-log';
import { isErrorLike, plainError } from '../base/plain-error';
import { errorRecord, plainFields, plainText, plainValue } from '../base/plain-value';

/** A log that can be divided among the parts of the host. */
export interface PartedLog extends Logger {
  /** A log for one part of the host or for one plugin. Each of its lines carries the fields. */
  child(fields: object): PartedLog;
  /** Whether lines of this level are written. */
  isEnabled(level: LogLevel): boolean;
}

export interface LogOptions {
  readonly level: LogLevel;
  readonly terminal: boolean;
  /** Whether a terminal shows all fields and whole stacks. Default false. */
  readonly verbose?: boolean;
}

/** The host's log: JSON lines, or readable ones on a terminal. */
export class HostLog extends Logger implements PartedLog {
  private constructor(private readonly pino: PinoLogger) {
    super();
  }

  static create(options: LogOptions): HostLog {
    const base = { level: options.level, base: null, serializers: { err: errorOnLine } };
    const named = { ...base, formatters: { level: (label: string) => ({ level: label }) } };
    return new HostLog(pino({ ...named, timestamp: pino.stdTimeFunctions.isoTime }, destinationFor(options)));
  }

  child(fields: object): HostLog {
    return new HostLog(this.pino.child(fields));
  }

  isEnabled(level: LogLevel): boolean {
    return this.pino.isLevelEnabled(level);
  }

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

  /** Writes a line. Fields that cannot be written are replaced by plain copies, so that no line is lost. */
  private write(level: 'debug' | 'info' | 'warn' | 'error', message: string, fields?: object): void {
    try {
      this.pino[level](fields, message);
    } catch (failure) {
      this.pino[level](plainFields({ logFailed: plainError(failure).message }, fields), plainText(message));
    }
  }
}

function destinationFor({ terminal, verbose = false }: LogOptions): DestinationStream {
  const colours = process.stdout.isTTY ? !process.env['NO_COLOR'] : false;
  if (terminal) return terminalLog({ verbose, colours });
  // A full disk or a closed terminal must not fail the code that logs, and there is nowhere else to report it.
  return pino.destination({ dest: 1, sync: true }).on('error', () => undefined);
}

/** Returns the content of the field `err`: an error with its causes, or another thrown value. */
function errorOnLine(thrown: unknown): unknown {
  return isErrorLike(thrown) ? errorRecord(plainError(thrown)) : plainValue(thrown);
}
