import { ignoredFromText } from './ignored-from-text';
import type { ErrorReport } from '../../sdk/internal';
import { formatSize } from '../config/size';
import type { ExplainedHandler, ExplainedPlugin } from '../ops/explain';
import type { ConfigPlace, ExplainedOption } from '../ops/explain-options';
import type { ProcessState } from '../load/plugin-code';
import { conflictText } from './conflict-text';
import { paint, place, table } from './output';
import { stateText } from './state-text';

/**
 * Returns the lines of `jetplug plugins NAME`: a plugin's file, state and errors, the values that its constructor got,
 * and its handlers.
 */
export function explainScreen(plugin: ExplainedPlugin): string[] {
  return [
    `${paint('bold', plugin.plugin)}  ${stateText(plugin)}`,
    ...(plugin.description === undefined ? [] : [`  ${plugin.description}`]),
    '',
    ...table(facts(plugin), '  '),
    ...errors(plugin).flatMap((error) => ['', ...errorText(error, plugin)]),
    ...injections(plugin),
    ...isolation(plugin),
    ...plugin.handlers.flatMap(handlerText),
    '',
  ];
}

function facts({ file, line, version, class: className, disabledBy, faults }: ExplainedPlugin): string[][] {
  const rows = [['file', place(file, line)]];
  if (className !== undefined) rows.push(['class', className]);
  if (version !== undefined) rows.push(['version', version]);
  if (disabledBy) rows.push(['disabled', `${disabledBy.key} is false  ${origin(disabledBy)}`]);
  if (faults.last) rows.push(['faults', faultsText(faults)]);
  return rows.map(([name, value]) => [paint('dim', name!), value!]);
}

/** The faults of a plugin outside its handlers' runs. */
function faultsText({ lateErrors, blocks, last }: ExplainedPlugin['faults']): string {
  const { message, code, file, line } = last!;
  const counts = `${lateErrors} × an error that nobody caught, ${blocks} × the event loop blocked`;
  return `${paint('yellow', counts)}; last: ${message} ${paint('dim', code)}${file === undefined ? '' : `  ${place(file, line)}`}`;
}

function errors({ error, errors: all }: ExplainedPlugin): readonly ErrorReport[] {
  return all ?? (error ? [error] : []);
}

function errorText({ message, code, file, line, hint }: ErrorReport, plugin: ExplainedPlugin): string[] {
  const what = runs(plugin.state) ? `its newest version fails, so this one runs on: ${message}` : message;
  const mark = plugin.state === 'skipped' ? paint('yellow', '•') : paint('red', '✖');
  return [
    `  ${mark} ${what} ${paint('dim', code)}`,
    `    at ${place(file ?? plugin.file, line)}`,
    ...(hint === undefined ? [] : [`    ${paint('dim', hint)}`]),
  ];
}

function runs(state: ExplainedPlugin['state']): boolean {
  return state === 'running' || state === 'waiting' || state === 'paused';
}

function injections({ injected, state }: ExplainedPlugin): string[] {
  if (injected.length === 0) return [];
  const rows = injected.map(({ index, name, type, got, settings }) => [
    `${name ?? index + 1}: ${type}`,
    got,
    settings ? origin(settings) : '',
  ]);
  return [
    '',
    `  ${paint('dim', runs(state) ? 'its constructor got' : 'its constructor asks for')}`,
    ...table(rows, '    '),
  ];
}

/** Returns the lines about isolation; none for a plugin that runs inline by default. */
function isolation({ isolation: options, processes = [] }: ExplainedPlugin): string[] {
  if (!options || (options.isolation.value === 'inline' && options.isolation.from === 'default')) return [];
  const shown = Object.entries(options).filter(
    ([name]) => name === 'isolation' || options.isolation.value === 'process',
  );
  return [
    '',
    `  ${paint('dim', 'where its code runs')}`,
    ...table(
      shown.map(([name, option]) => [paint('dim', name), valueText(option.value), origin(option)]),
      '    ',
    ),
    ...processes.map((process) => `    ${processText(process)}`),
  ];
}

function processText({ state, pid, restarts, lastEnd, residentBytes }: ProcessState): string {
  const facts = [
    pid === undefined ? 'process' : `process ${pid}`,
    state,
    ...(residentBytes === undefined ? [] : [formatSize(residentBytes)]),
    ...(restarts === 0 ? [] : [`started again ${restarts} times`]),
  ].join(', ');
  return lastEnd === undefined ? facts : `${facts}; the one before: ${lastEnd}`;
}

function handlerText(handler: ExplainedHandler): string[] {
  const { subject, stream, durable, file, line } = handler;
  const route = `${subject} → ${stream ?? paint('red', 'no stream')} → ${durable}`;
  const dim = (text: string): string => paint('dim', text);
  return [
    '',
    `  ${paint('bold', `${handler.method}()`)}  ${stateText({ ...handler, handlers: [handler] })}  ${dim(place(file, line))}`,
    `    ${route}`,
    `    ${dim(figures(handler))}`,
    ...(handler.middleware ? [`    ${dim('middleware')} ${handler.middleware.join(' → ')}`] : []),
    ...trouble(handler).map((text) => `    ${text}`),
    ...table(
      Object.entries(handler.options).map(([name, option]) => [dim(name), valueText(option.value), origin(option)]),
      '    ',
    ),
  ];
}

function figures(handler: ExplainedHandler): string {
  const { state, pending, inFlight, handled, failed, retried, deadLettered, circuit } = handler;
  if (!runs(state) && pending === undefined) return 'it has no durable on the server yet';
  const waiting = [`${pending ?? '?'} pending`, `${inFlight ?? '?'} in flight`];
  if (!runs(state)) return waiting.join(', ');
  return [
    ...waiting,
    `${handled} handled`,
    `${failed} failed`,
    `${retried} retried`,
    `${deadLettered} dead-lettered`,
    `circuit ${circuit}`,
  ].join(', ');
}

function trouble({
  lastError,
  outage,
  waitsFor,
  reason,
  ignoredFrom,
  drift = [],
  ...figures
}: ExplainedHandler): string[] {
  const what = waitsFor === 'log' ? 'none of its runs is committed' : 'its durable delivers nothing';
  return [
    ...(reason === undefined ? [] : [paint('yellow', `${what}: ${reason}`)]),
    ...drift.map((change) => paint('yellow', `changed on the server: ${change}`)),
    ...(ignoredFrom ? [paint('yellow', ignoredFromText(ignoredFrom))] : []),
    ...(outage ? [paint('yellow', `down since ${outage.since}: ${outage.reason}`)] : []),
    ...conflictText(figures).map((text) => paint('yellow', text)),
    ...(lastError === undefined ? [] : [`last error: ${lastError}`]),
  ];
}

function valueText(value: unknown): string {
  if (value === null) return '–';
  if (Array.isArray(value)) return value.join(', ');
  if (typeof value === 'string') return value;
  if (typeof value !== 'object') return JSON.stringify(value);
  return Object.entries(value)
    .map(([name, part]) => `${name} ${String(part)}`)
    .join(', ');
}

/**
 * Returns the source of a value as text: `default`, `decorator plugins/badge.plugin.ts:12`, or `config
 * config/local.yaml:3 (plugins.badge.timeout)`.
 */
function origin(option: ExplainedOption | ConfigPlace): string {
  if (option.from === 'default') return paint('dim', 'default');
  if (option.from === 'decorator') return `decorator  ${paint('cyan', place(option.file, option.line))}`;
  const { file, line, variable, flag, key } = option;
  const where = file === undefined ? (variable ?? flag ?? '') : place(file, line);
  return `config  ${paint('cyan', where)}  ${paint('dim', key)}`;
}
