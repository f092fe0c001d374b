import { join, relative, sep } from 'node:path';
import { styleText } from 'node:util';
import { topFrame, type Location } from '../../sdk/internal';
import { packageRoot } from '../base/package-version';

type Fields = Readonly<Record<string, unknown>>;
type Style = Parameters<typeof styleText>[0];

export interface TerminalLogOptions {
  /** Whether all fields, and whole stacks with their causes, are written below each line. */
  readonly verbose: boolean;
  /** Writes the text. Default: to standard output. */
  readonly write?: (text: string) => void;
  /** Whether the lines have colours. Default: unless NO_COLOR is set. */
  readonly colours?: boolean;
}

/** Returns a destination for pino's JSON lines that writes each as a readable line. */
export function terminalLog(options: TerminalLogOptions): { write(json: string): void } {
  const { write = (text: string) => process.stdout.write(text), colours = !process.env['NO_COLOR'] } = options;
  const paint: Paint = (style, text) => (colours ? styleText(style, text, { validateStream: false }) : text);
  return { write: (json) => write(`${linesOf(JSON.parse(json) as Fields, options.verbose, paint).join('\n')}\n`) };
}

type Paint = (style: Style, text: string) => string;

/** Fields with a fixed place in the line. */
const PLACED = ['level', 'time', 'msg', 'plugin', 'handler', 'err', 'error', 'code', 'file', 'line', 'hint', 'stack'];
const MAX_TEXT = 300;
const MAX_VALUE = 100;
const MAX_CAUSES = 4;

const LEVEL_STYLES: Readonly<Record<string, Style>> = { debug: 'dim', info: 'green', warn: 'yellow', error: 'red' };

function linesOf(fields: Fields, verbose: boolean, paint: Paint): string[] {
  const level = String(fields['level']);
  const { msg } = fields;
  const dim = (text: string): string => paint('dim', text);
  const line = [
    dim(timeOf(fields['time'])),
    paint(LEVEL_STYLES[level] ?? 'bold', level.toUpperCase().padEnd(5)),
    ...whose(fields).map((name) => paint('cyan', name)),
    `${textOf(msg, MAX_TEXT)}${reasonOf(fields)}`,
    ...placesOf(fields).map((place) => paint('cyan', `at ${place}`)),
    ...[codeOf(fields)].filter((code) => code !== '').map(dim),
    ...restOf(fields, verbose).map(dim),
    ...hintOf(fields).map(dim),
  ].join(' ');
  return verbose ? [line, ...stackOf(fields).map(dim)] : [line];
}

function timeOf(time: unknown): string {
  const at = new Date(String(time));
  const two = (part: number): string => String(part).padStart(2, '0');
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

function whose({ plugin, handler }: Fields): string[] {
  if (typeof plugin !== 'string') return [];
  return [textOf(typeof handler === 'string' ? `${plugin}.${handler}` : plugin, MAX_VALUE)];
}

/** Returns `: message ← cause ← its cause`, without causes that an earlier message contains. */
function reasonOf({ error, err }: Fields): string {
  const messages = [...(typeof error === 'string' ? [{ text: error }] : []), ...messagesOf(err, 0)];
  const shown: string[] = [];
  for (const { text, type } of messages) {
    const message = textOf(text, MAX_TEXT);
    if (/^\d*$/.test(message) || shown.some((before) => before.includes(message))) continue;
    shown.push(type === undefined ? message : `${type}: ${message}`);
  }
  return shown.length === 0 ? '' : `: ${shown.slice(0, MAX_CAUSES).join(' ← ')}`;
}

interface Message {
  readonly text: string;
  /** The error's class, if it is not just `Error`. */
  readonly type?: string;
}

const PLAIN_TYPES = ['Error', 'JetplugError', 'NatsError'];

function messagesOf(err: unknown, depth: number): Message[] {
  if (depth > MAX_CAUSES || err === undefined || err === null) return [];
  if (!isRecord(err)) return [{ text: typeof err === 'string' ? err : JSON.stringify(err) }];
  const { type, message, cause, aggregateErrors: several } = err;
  const name = typeof type === 'string' && !PLAIN_TYPES.includes(type) ? type : undefined;
  const whole = typeof message === 'string' && message !== '' ? message : (name ?? JSON.stringify(err));
  // The later lines of a cause are mostly an excerpt of the source.
  const text =
    depth === 0
      ? whole
      : whole
          .trim()
          .split('\n')[0]!
          .replace(/^[×x✖] /, '');
  const inside = Array.isArray(several) ? several.flatMap((one) => messagesOf(one, depth + 1)[0]?.text ?? []) : [];
  return [
    { text, ...(name !== undefined && name !== whole && { type: name }) },
    ...(inside.length > 0 ? [{ text: inside.join('; ') }] : []),
    ...messagesOf(cause, depth + 1),
  ];
}

/** Returns the place in the author's files, from the line's fields, else from the stacks. */
function placesOf({ file, line, err, stack }: Fields): string[] {
  if (typeof file === 'string') return [placeOf(file, line)];
  if (isRecord(err) && typeof err['file'] === 'string') return [placeOf(err['file'], err['line'])];
  const frames = [...authorsFrames(stack), ...stacksIn(err, 0).flatMap(authorsFrames)];
  return [...new Set(frames.map((frame) => placeOf(frame.file, frame.line)))].slice(0, 3);
}

function stacksIn(err: unknown, depth: number): unknown[] {
  if (!isRecord(err) || depth > MAX_CAUSES) return [];
  return [err['stack'], ...stacksIn(err['cause'], depth + 1)];
}

const OWN_FOLDERS = ['host', 'sdk', 'dist'].map((name) => join(packageRoot(), name) + sep);

/** The frames outside of packages and of Jetplug's own code. */
function authorsFrames(stack: unknown): Location[] {
  if (typeof stack !== 'string') return [];
  const isAuthors = (file: string): boolean =>
    !/[\\/]node_modules[\\/]/.test(file) &&
    !OWN_FOLDERS.some((folder) => file.replace(/^file:\/\//, '').startsWith(folder));
  return stack.split('\n').flatMap((line) => topFrame(`\n${line}`, isAuthors) ?? []);
}

function placeOf(file: string, line: unknown): string {
  const path = relative(process.cwd(), file);
  return (path.startsWith('..') ? file : path) + (typeof line === 'number' ? `:${line}` : '');
}

function codeOf({ code, err }: Fields): string {
  if (typeof code === 'string') return code;
  return isRecord(err) && typeof err['code'] === 'string' ? err['code'] : '';
}

function hintOf({ hint, err }: Fields): string[] {
  const text = typeof hint === 'string' ? hint : isRecord(err) ? err['hint'] : undefined;
  return typeof text === 'string' ? [`– ${textOf(text, MAX_TEXT)}`] : [];
}

/** Returns each remaining field as `name=value`, with the value as short as possible. */
function restOf(fields: Fields, verbose: boolean): string[] {
  const limit = verbose ? Infinity : MAX_VALUE;
  return Object.entries(fields)
    .filter(([name, value]) => !PLACED.includes(name) && value !== undefined)
    .map(([name, value]) => `${textOf(name, MAX_VALUE)}=${textOf(valueOf(value), limit)}`);
}

function valueOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function stackOf({ stack, err }: Fields): string[] {
  return [stack, ...stacksIn(err, 0)]
    .filter((text) => typeof text === 'string')
    .flatMap((text) => text.split('\n').map((line) => `    ${textOf(line, Infinity)}`));
}

// eslint-disable-next-line no-control-regex -- they are removed
const CONTROLS = /[\u0000-\u001f\u007f-\u009f]/g;

/** Returns a text on one line without control sequences, because the text of an event may come from anywhere. */
function textOf(value: unknown, limit: number): string {
  const line = String(value)
    .trim()
    .replace(/\s*[\r\n]+\s*/g, ' ');
  const text = line.replace(CONTROLS, '\ufffd');
  return text.length > limit ? `${text.slice(0, limit)}…` : text;
}

function isRecord(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null;
}
