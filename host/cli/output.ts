import { relative } from 'node:path';
import { styleText } from 'node:util';
import { isJetplugError, JetplugError } from '../../sdk/internal';
import { causesOf } from '../base/causes';
import { layOut } from '../base/json-text';
import { errorsIn } from '../base/plain-error';
import { terminalText } from '../base/utf8';

type Style = Parameters<typeof styleText>[0];

/** Colours the text on a terminal. `NO_COLOR` and pipes get plain text. */
export function paint(style: Style, text: string, stream: NodeJS.WriteStream = process.stdout): string {
  return stream.isTTY && !process.env['NO_COLOR'] ? styleText(style, text) : text;
}

const LOST_OUTPUT = ['EPIPE', 'EIO', 'ERR_STREAM_DESTROYED'];

/** Lets the command continue without its output when a reader such as `head` closes the pipe, or a user the terminal. */
export function surviveLostOutput(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (!LOST_OUTPUT.includes(error.code ?? '')) throw error;
    });
  }
}

export function print(line = ''): void {
  process.stdout.write(`${line}\n`);
}

/** Prints a text. Resolves when it is written, with false if nobody reads the output any more. */
export function printed(text: string): Promise<boolean> {
  return new Promise((resolve) => process.stdout.write(text, (error) => resolve(!error)));
}

export function printJson(value: unknown): void {
  print(JSON.stringify(value, null, process.stdout.isTTY ? 2 : undefined));
}

/** Prints a JSON text like {@link printJson}, without parsing it, so that its numbers stay as they are written. */
export function printJsonText(json: string): void {
  print(layOut(json, process.stdout.isTTY ? 2 : 0));
}

/** Prints a warning to standard error. */
export function warn(text: string): void {
  process.stderr.write(`${paint('yellow', '!', process.stderr)} ${terminalText(text)}\n`);
}

/** Aligns the columns. The cells may be coloured. */
export function table(rows: readonly (readonly string[])[], indent = ''): string[] {
  const widths: number[] = [];
  for (const row of rows) row.forEach((cell, i) => (widths[i] = Math.max(widths[i] ?? 0, visibleLength(cell))));
  return rows.map((row) => {
    const cells = row.map((cell, i) => cell + ' '.repeat(i === row.length - 1 ? 0 : widths[i]! - visibleLength(cell)));
    return (indent + cells.join('  ')).trimEnd();
  });
}

function visibleLength(text: string): number {
  // eslint-disable-next-line no-control-regex -- colours have no width
  return text.replace(/\u001b\[[0-9;]*m/g, '').length;
}

/** Every error in a failure, as errors of the catalogue. Never throws. */
export function errorsOf(failure: unknown): JetplugError[] {
  return errorsIn(failure).map((error) =>
    isJetplugError(error) ? error : new JetplugError('JP_INTERNAL', error.message, { cause: error }),
  );
}

/** Prints errors to standard error, as text for a person or as one JSON object a line. */
export function printErrors(errors: readonly JetplugError[], json: boolean): void {
  for (const error of errors) {
    const text = json ? JSON.stringify(errorJson(error)) : errorLines(error).join('\n');
    process.stderr.write(`${text}\n`);
  }
}

/** An error for programs, with its causes as text, and with the stack of an internal error. */
function errorJson(error: JetplugError): object {
  const cause = causesOf(error).join(' ← ');
  const stack = error.code === 'JP_INTERNAL' && error.cause instanceof Error ? error.cause.stack : undefined;
  return { ...error.toJSON(), ...(cause !== '' && { cause }), ...(stack !== undefined && { stack }) };
}

/** An error for a person: its message, its place, its causes, and the hint. */
export function errorLines(
  error: JetplugError,
  stream: NodeJS.WriteStream = process.stderr,
  severity: 'error' | 'warning' = 'error',
): string[] {
  const sign = severity === 'error' ? paint('red', '✖', stream) : paint('yellow', '!', stream);
  const lines = [`${sign} ${error.message} ${paint('dim', error.code, stream)}`];
  if (error.file !== undefined) lines.push(`  at ${place(error.file, error.line)}`);
  for (const cause of causesOf(error)) lines.push(`  caused by: ${cause}`);
  if (error.code === 'JP_INTERNAL' && error.cause instanceof Error) lines.push(`  ${error.cause.stack}`);
  lines.push(`  ${paint('dim', error.hint, stream)}`);
  return lines;
}

/** Returns a place as text, such as `plugins/badge.plugin.ts:12`, relative to the working directory. */
export function place(file: string, line?: number): string {
  const path = relative(process.cwd(), file);
  return (path.startsWith('..') ? file : path) + (line === undefined ? '' : `:${line}`);
}
