import { layOut } from '../base/json-text';
import { cut, firstLine, terminalText } from '../base/utf8';
import { unescapeKey } from '../effects/store-keys';
import type { CapturedLine, Effects, StoreChange } from '../replay/effect-run';
import type { InspectorAddress, LoadedHandler } from '../replay/replay-protocol';
import type { DebuggedRun } from './debugged-run';
import type { StateSource, StoreBefore } from '../ops/store-before';
import { durationText } from './duration-text';
import { isoTime } from './history-text';
import { inspectorText } from './inspector-address';
import { paint, place, table } from './output';
import { shownName, shownText } from './stored-value';
import { figure } from './figure';

/** The length of a value, and of a message, on a terminal. */
const SHORT = 100;
const MAX_MESSAGE = 500;

/** Returns the text that names the address of the debugger and the ways to attach. */
export function waitScreen({ plugin, handler, where }: LoadedHandler, at: InspectorAddress): string {
  const address = inspectorText(at);
  const rows = [
    ['VS Code', `the command “Debug: Attach to Node Process”, or a launch configuration with "port": ${at.port}`],
    ['Chrome', 'chrome://inspect'],
    ['terminal', `node inspect ${address}`],
  ];
  return [
    `the debugger listens on ${paint('bold', address, process.stderr)}; ${plugin}.${handler} waits at its first line (${place(where.file, where.line)})`,
    ...table(rows, '  '),
    '',
  ].join('\n');
}

/** Returns the lines of `jetplug debug`. */
export function debugScreen({ event, id, handler, store, effects, isInspected }: DebuggedRun): string[] {
  const { plugin, handler: name, where, version } = handler;
  const at = `${event.stream}:${event.sequence}`;
  return [
    `${paint('bold', `${plugin}.${name}`)} on ${paint('bold', terminalText(at))}  ${paint('cyan', terminalText(event.subject))}`,
    ...(id === undefined ? [] : [paint('dim', `  id ${firstLine(id, SHORT)}, stored ${isoTime(event.storedAtMs)}`)]),
    paint('dim', `  ${place(where.file, where.line)} as it is on disk, version ${version}`),
    ...stateOf(store),
    '',
    ...outcomeOf(effects, isInspected),
    ...part('store', effects.changes.map(changeOf)),
    ...part(
      'published',
      effects.events.map(({ subject, payload }) => [paint('cyan', subject), shortened(payload)]),
    ),
    ...part('log', [...effects.log.map(lineOf), ...leftOf(effects)]),
    ...(effects.hasAfterCommit ? ['  its afterCommit functions were called'] : []),
    '',
    paint('dim', '  nothing was written to the server'),
  ];
}

const STATES: Readonly<Record<StateSource, (time: string) => string>> = {
  'before-run': (time) => `the store as it stood before the event was handled at ${time}`,
  'when-stored': (time) => `the store as it stood when the event was stored at ${time}; no commit has the event`,
  present: () => 'the present store, because the kept history does not reach back to the event',
  none: () => 'an empty store, because the plugin has none on the server',
};

function stateOf({ kind, atMs, texts, unknown }: StoreBefore): string[] {
  const keys = kind === 'none' ? '' : `, ${figure(texts.size)} ${texts.size === 1 ? 'key' : 'keys'}`;
  const line = `  ${STATES[kind](isoTime(atMs))}${keys}`;
  if (unknown.length === 0) return [kind === 'present' ? paint('yellow', line) : paint('dim', line)];
  const names = unknown.slice(0, 5).map((key) => shownName(unescapeKey(key)));
  const more = unknown.length > names.length ? ` and ${unknown.length - names.length} more` : '';
  return [
    paint('dim', line),
    paint(
      'yellow',
      `  the history does not have the earlier value of ${names.join(', ')}${more}; the present one is used`,
    ),
  ];
}

function outcomeOf(effects: Effects, isInspected: boolean): string[] {
  const { outcome, error, ranMs } = effects;
  const took = isInspected ? '' : ` in ${durationText(ranMs)}`;
  if (outcome === 'handled') return [`  ${paint('green', '✔')} handled${took}`];
  const message = error && `: ${firstLine(terminalText(`${error.name}: ${error.message}`), MAX_MESSAGE)}`;
  return [
    `  ${paint('red', '✖')} ${outcome}${took}${paint('red', message ?? '')}`,
    ...framesOf(error?.stack).map((frame) => paint('dim', `      ${frame}`)),
    `    ${paint('dim', verdictOf(effects))}`,
  ];
}

/** Returns the frames of a stack, without those of packages and of Node.js. */
function framesOf(stack = ''): string[] {
  const frames = terminalText(stack)
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line.startsWith('at '));
  const own = frames.filter((frame) => !/node_modules|\(node:|at node:/.test(frame) && !frame.includes(HOST));
  return (own.length > 0 ? own : frames).slice(0, 10);
}

/** The folder of Jetplug's own compiled code. */
const HOST = __dirname.replace(/cli$/, '');

function verdictOf({ verdict, delayMs = 0, reason }: Effects): string {
  const verdicts: Readonly<Record<Effects['verdict'], string>> = {
    settled: 'a host would settle the event',
    retried: `a host would retry the event after ${durationText(delayMs)}`,
    waits: `a host would retry the event after ${durationText(delayMs)}, without counting the attempt`,
    'dead-lettered': `a host would make the event a dead letter (${reason})`,
    released: 'a host would nack the event',
  };
  return verdicts[verdict];
}

function part(title: string, rows: readonly (readonly string[])[]): string[] {
  return rows.length === 0 ? [] : [`  ${title}`, ...table(rows, '    ')];
}

function changeOf({ key, before, after }: StoreChange): string[] {
  const value = (text: string | null): string => (text === null ? paint('dim', '(none)') : shortened(text));
  return [shownName(unescapeKey(key)), `${value(before)} → ${value(after)}`];
}

const LEVELS: Readonly<Record<CapturedLine['level'], Parameters<typeof paint>[0]>> = {
  debug: 'dim',
  info: 'green',
  warn: 'yellow',
  error: 'red',
};

/** The fields that each line of a handler's own log has. */
const KNOWN: readonly string[] = ['handler', 'subject', 'sequence', 'attempt', 'batch'];

function lineOf({ level, message, fields }: CapturedLine): string[] {
  const own = Object.entries(fields).filter(([name]) => !KNOWN.includes(name));
  const json = own.length === 0 ? '' : terminalText(layOut(JSON.stringify(Object.fromEntries(own))));
  return [paint(LEVELS[level], level), `${firstLine(message, MAX_MESSAGE)} ${paint('dim', cut(json, MAX_MESSAGE))}`];
}

function leftOf({ logLeft }: Effects): string[][] {
  return logLeft === 0 ? [] : [['…', `${figure(logLeft)} more lines`]];
}

/** A terminal shows the beginning of a long value. */
function shortened(json: string): string {
  const whole = shownText(json);
  return process.stdout.isTTY ? cut(whole, SHORT) : whole;
}
