import {
  durationMs,
  formatDuration,
  JetplugError,
  type Duration,
  type HandlerMark,
  type Start,
  type SubscribeOptions,
} from '../../sdk/internal';
import type { HandlerConfig } from '../config/config';
import type { BatchPolicy, RatePolicy, RetryPolicy } from '../message/handler';
import { choose, mapValues, type ConfigLayers, type Layer, type LayeredOption } from './option-layers';

/*
 * The options of a handler. To add one: describe it in `sdk/subscribe.ts`, add a row here, and a key to
 * `host/config/handler-keys.ts` if the config can set it. Its default, its layers, its origin and its place in
 * `jetplug plugins NAME` follow from the row.
 */

/** How a handler runs; the decorator and the config set these options. */
export interface RunOptions {
  readonly from: Start;
  readonly concurrency: number;
  readonly timeoutMs: number;
  readonly retry: RetryPolicy;
}

/** How a handler's events are ordered or gathered; a handler has at most one of both. */
export interface Grouping {
  /** The field that holds the key. Events with the same key are handled in order. */
  readonly key: string | undefined;
  /** The limits of a batch, if the handler takes batches. */
  readonly batch: BatchPolicy | undefined;
}

export interface HandlerOptions extends RunOptions, Grouping {
  /** How many events may begin in a length of time, over all hosts. */
  readonly rate: RatePolicy | undefined;
  readonly durable: string;
}

/** An option as the operator reads it: its value in the units that people write, or null if it is not used. */
interface Shown {
  show(options: HandlerOptions): unknown;
}

interface RunOptionRow<Given, Value> extends LayeredOption<Given, SubscribeOptions, HandlerConfig>, Shown {
  /**
   * Reads the value of a decorator or of the config.
   * @throws JetplugError `JP_HANDLER_OPTIONS` or `JP_DURATION_INVALID`, which names the option as `what`
   */
  parse(given: Given, what: string): Value;
}

const RUN_OPTIONS = {
  from: row<Start>({
    builtIn: 'new',
    inDecorator: (options) => options.from,
    inConfig: (config) => config.from,
    parse: parseFrom,
    show: ({ from }) => writtenFrom(from),
  }),
  concurrency: row<number>({
    builtIn: 8,
    inDecorator: (options) => options.concurrency,
    inConfig: (config) => config.concurrency,
    parse: parseCount,
    show: ({ concurrency }) => concurrency,
  }),
  timeout: row<number>({
    builtIn: 30_000,
    inDecorator: ({ timeout }) => (timeout === undefined ? undefined : durationMs(timeout, '@Subscribe timeout')),
    inConfig: (config) => config.timeoutMs,
    parse: parseTimeout,
    show: ({ timeoutMs }) => formatDuration(timeoutMs),
  }),
  'retry.attempts': row<number>({
    builtIn: 5,
    inDecorator: ({ retry }) => retry?.attempts,
    inConfig: ({ retry }) => retry?.attempts,
    parse: parseCount,
    show: ({ retry }) => retry.attempts,
  }),
  'retry.backoff': row<Wait[], number[]>({
    builtIn: [1_000, 5_000, 30_000, 120_000],
    inDecorator: ({ retry }) => retry?.backoff,
    inConfig: ({ retry }) => retry?.backoff,
    parse: parseBackoff,
    show: ({ retry }) => retry.backoffMs.map(formatDuration),
  }),
};

/** The options that only the decorator sets. */
const DECORATOR_OPTIONS = {
  key: { show: ({ key }) => key ?? null },
  batch: { show: ({ batch }) => (batch ? { size: batch.size, wait: formatDuration(batch.waitMs) } : null) },
  rate: { show: ({ rate }) => (rate ? { events: rate.events, per: formatDuration(rate.perMs) } : null) },
  durable: { show: ({ durable }) => durable },
} satisfies Partial<Record<keyof SubscribeOptions, Shown>>;

/** All options of a handler, by the names that the operator reads. */
export const HANDLER_OPTIONS: Readonly<Record<OptionName, Shown>> = { ...RUN_OPTIONS, ...DECORATOR_OPTIONS };

export type OptionName = keyof typeof RUN_OPTIONS | keyof typeof DECORATOR_OPTIONS;

export type HandlerLayers = ConfigLayers<HandlerConfig>;

/**
 * Returns the options that say how a handler runs, and the layer that each of them comes from.
 * @throws JetplugError `JP_HANDLER_OPTIONS`, `JP_DURATION_INVALID`
 */
export function runOptionsOf(
  { options, method }: HandlerMark,
  layers: HandlerLayers,
): { readonly run: RunOptions; readonly layerOf: Readonly<Record<OptionName, Layer>> } {
  assertKnown(options, OPTION_NAMES);
  assertKnown(options.retry ?? {}, RETRY_OPTION_NAMES, 'retry.');
  assertUnits(options, method);
  const layerOf: Partial<Record<OptionName, Layer>> = {};
  const valueOf = <Name extends keyof typeof RUN_OPTIONS, Given, Value>(
    name: Name,
    option: RunOptionRow<Given, Value>,
  ): Value => {
    const { value, layer } = choose(option, options, layers);
    layerOf[name] = layer;
    return option.parse(value, `${method}: ${name}`);
  };
  const run = {
    from: valueOf('from', RUN_OPTIONS.from),
    concurrency: valueOf('concurrency', RUN_OPTIONS.concurrency),
    timeoutMs: valueOf('timeout', RUN_OPTIONS.timeout),
    retry: {
      attempts: valueOf('retry.attempts', RUN_OPTIONS['retry.attempts']),
      backoffMs: valueOf('retry.backoff', RUN_OPTIONS['retry.backoff']),
    },
  };
  const fromDecorator = mapValues(DECORATOR_OPTIONS, (_, name): Layer =>
    options[name] === undefined ? 'built-in' : 'decorator',
  );
  return { run, layerOf: { ...(layerOf as Record<keyof typeof RUN_OPTIONS, Layer>), ...fromDecorator } };
}

/**
 * Refuses an option that `@Subscribe` does not have.
 * @throws JetplugError `JP_HANDLER_OPTIONS`
 */
export function assertKnown(options: object, known: readonly string[], prefix = ''): void {
  const unknown = Object.keys(options).find((key) => !known.includes(key));
  if (unknown === undefined) return;
  const message = `@Subscribe has no option ${JSON.stringify(prefix + unknown)}; it has ${known.join(', ')}`;
  throw new JetplugError('JP_HANDLER_OPTIONS', message);
}

/** Refuses a time of the decorator that is a number. In the options that come from the config, numbers are milliseconds. */
function assertUnits({ timeout, from, retry }: SubscribeOptions, method: string): void {
  refuseBareNumber(timeout, `${method}: timeout`);
  if (typeof from === 'object' && 'since' in from) refuseBareNumber(from.since, `${method}: from.since`);
  if (!Array.isArray(retry?.backoff)) return;
  for (const [i, wait] of retry.backoff.entries()) refuseBareNumber(wait, `${method}: retry.backoff[${i}]`);
}

/**
 * Refuses a number where the author must write a length of time with its unit.
 * @throws JetplugError `JP_DURATION_INVALID`
 */
export function refuseBareNumber(value: unknown, what: string): void {
  if (typeof value !== 'number') return;
  throw new JetplugError('JP_DURATION_INVALID', `${what} is ${value}, a number without a unit`);
}

/**
 * Refuses a value that is not a whole number from 1.
 * @throws JetplugError `JP_HANDLER_OPTIONS`
 */
export function parseCount(value: number, what: string): number {
  if (Number.isInteger(value) && value >= 1) return value;
  throw new JetplugError('JP_HANDLER_OPTIONS', `${what} is ${JSON.stringify(value)}, not a whole number of at least 1`);
}

/** The names of all options of the decorator. `renamedFrom` is no setting: it is a part of the handler's name. */
const OPTION_NAMES = [...new Set(Object.keys(HANDLER_OPTIONS).map((name) => name.split('.')[0]!)), 'renamedFrom'];
const RETRY_OPTION_NAMES = Object.keys(RUN_OPTIONS).flatMap((name) => /^retry\.(.+)/.exec(name)?.[1] ?? []);

/** A duration of the decorator, or the milliseconds of the config. */
type Wait = Duration | number;

/** Infers the types of a row of the table. */
function row<Given, Value = Given>(option: RunOptionRow<Given, Value>): RunOptionRow<Given, Value> {
  return option;
}

function parseFrom(from: Start, what: string): Start {
  if (from === 'new' || from === 'beginning') return from;
  if (typeof from === 'object') {
    if ('since' in from) {
      durationMs(from.since, `${what}.since`);
      return from;
    }
    if ('sequence' in from && Number.isInteger(from.sequence) && from.sequence > 0) return from;
  }
  throw new JetplugError(
    'JP_HANDLER_OPTIONS',
    `${what} is ${JSON.stringify(from)}; it is 'new', 'beginning', { since: '7d' } or { sequence: 1 }`,
  );
}

function parseTimeout(timeoutMs: number, what: string): number {
  if (timeoutMs > 0) return timeoutMs;
  throw new JetplugError('JP_HANDLER_OPTIONS', `${what} is 0, which leaves no time for a run`);
}

function parseBackoff(waits: Wait[], what: string): number[] {
  if (Array.isArray(waits) && waits.length > 0) return waits.map((wait, i) => durationMs(wait, `${what}[${i}]`));
  throw new JetplugError('JP_HANDLER_OPTIONS', `${what} is a list of at least one duration`);
}

/**
 * Shows the option `from` as people write it. A length of time is a number of milliseconds if the config sets it, and
 * as the author wrote it if the decorator does.
 */
function writtenFrom(from: Start): unknown {
  if (typeof from === 'string' || !('since' in from)) return from;
  return { since: typeof from.since === 'number' ? formatDuration(from.since) : from.since };
}
