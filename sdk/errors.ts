import { COMMAND_ERRORS, CONFIG_ERRORS, HOST_ERRORS, TESTING_ERRORS } from './catalogue/host';
import { PLUGIN_ERRORS } from './catalogue/plugins';
import { RUNNING_ERRORS } from './catalogue/running';
import { BROKER_ERRORS, STREAM_ERRORS } from './catalogue/server';
import type { ErrorTexts } from './catalogue/texts';
import type { Location } from './location';
import { hasMark } from './mark';

/** The texts of all errors, by section. `docs/errors.md` is generated from them and has the same sections. */
export const ERROR_SECTIONS = {
  config: CONFIG_ERRORS,
  broker: BROKER_ERRORS,
  streams: STREAM_ERRORS,
  plugins: PLUGIN_ERRORS,
  running: RUNNING_ERRORS,
  commands: COMMAND_ERRORS,
  'testing kit': TESTING_ERRORS,
  host: HOST_ERRORS,
} as const;

/** The texts of all errors, by code. The code of an error that was removed is never used again. */
export const ERRORS = {
  ...CONFIG_ERRORS,
  ...BROKER_ERRORS,
  ...STREAM_ERRORS,
  ...PLUGIN_ERRORS,
  ...RUNNING_ERRORS,
  ...COMMAND_ERRORS,
  ...TESTING_ERRORS,
  ...HOST_ERRORS,
} as const satisfies ErrorTexts;

/** The stable code of an error; `docs/errors.md` lists them. */
export type ErrorCode = keyof typeof ERRORS;

/** The details of an error beside its code and message. */
export interface ErrorDetails extends Partial<Location> {
  plugin?: string | undefined;
  hint?: string | undefined;
  cause?: unknown;
}

/** An error as it is printed for programs (`--json`). */
export interface ErrorReport {
  code: ErrorCode;
  message: string;
  plugin?: string;
  file?: string;
  line?: number;
  hint?: string;
}

const ERROR_MARK = Symbol.for('jetplug.error');

/**
 * An error of the catalogue. Its message says what happened, `file` and `line` where, and `hint` how to mend it.
 * `docs/errors.md` lists the codes.
 */
export class JetplugError extends Error {
  override readonly name: string = 'JetplugError';
  readonly [ERROR_MARK] = true;
  /** The name of the plugin that the error belongs to, if any. */
  readonly plugin: string | undefined;
  /** The absolute path of the file that the error is in, if known. */
  readonly file: string | undefined;
  /** The line in `file`, from 1. */
  readonly line: number | undefined;
  /** How to mend the error. */
  readonly hint: string;

  constructor(
    readonly code: ErrorCode,
    message: string,
    details: ErrorDetails = {},
  ) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.plugin = details.plugin;
    this.file = details.file;
    this.line = details.line;
    this.hint = details.hint ?? ERRORS[code][1];
  }

  /** A copy of the error with further details. Details that the error has already are not replaced. */
  with(details: ErrorDetails): JetplugError {
    const known = { plugin: this.plugin, file: this.file, line: this.line, hint: this.hint, cause: this.cause };
    const given = Object.fromEntries(Object.entries(details).filter(([, value]) => value !== undefined));
    return new JetplugError(this.code, this.message, { ...given, ...dropUndefined(known) });
  }

  toJSON(): ErrorReport {
    const { code, message, plugin, file, line, hint } = this;
    return { code, message, ...dropUndefined({ plugin, file, line, hint }) };
  }
}

/** Whether a value is a JetplugError, of this or another copy of this package. Never throws. */
export function isJetplugError(error: unknown): error is JetplugError {
  return hasMark(error, ERROR_MARK);
}

export function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === 'string' && Object.hasOwn(ERRORS, value);
}

function dropUndefined<T extends object>(object: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as never;
}
