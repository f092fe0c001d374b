import type { StandardSchemaV1 } from '@standard-schema/spec';
import {
  durationMs,
  handlerMarks,
  isEventContract,
  isJetplugError,
  isSubscribeSubject,
  JetplugError,
  kebabCase,
  parameterTypes,
  pluginMark,
  pluginNameOf,
  type BatchOptions,
  type ErrorCode,
  type EventContract,
  type From,
  type HandlerMark,
  type Location,
  type PluginClass,
  type RetryOptions,
  type SubscribeOptions,
} from '../../sdk/internal';
import type { Config, HandlerConfig } from '../config/config';
import type { BatchPolicy, RetryPolicy } from '../message/handler';
import type { CompiledPlugin } from './compile';
import { inspectDependencies } from './dependencies';
import { placeOf } from './module-loader';

/** A plugin as its decorators and the config describe it; nothing of it runs yet. */
export interface PluginDefinition {
  readonly name: string;
  readonly file: string;
  readonly version: string;
  readonly description: string | undefined;
  readonly cls: PluginClass;
  readonly settingsSchema: StandardSchemaV1 | undefined;
  readonly where: Location;
  readonly handlers: readonly HandlerDefinition[];
  readonly sources: CompiledPlugin['sources'];
}

export interface HandlerDefinition {
  readonly method: string;
  /** The method's name in kebab-case. */
  readonly name: string;
  readonly durable: string;
  readonly subject: string;
  readonly contract: EventContract | undefined;
  readonly from: From;
  readonly concurrency: number;
  readonly timeoutMs: number;
  readonly retry: RetryPolicy;
  /** The field whose values are handled in order each. */
  readonly key: string | undefined;
  /** How many events it takes at a time, where it takes several. */
  readonly batch: BatchPolicy | undefined;
  readonly where: Location;
}

/** What a handler gets where nobody says otherwise. */
const HANDLER_DEFAULTS = {
  from: 'new',
  concurrency: 8,
  timeoutMs: 30_000,
  attempts: 5,
  backoffMs: [1_000, 5_000, 30_000, 120_000],
} as const;

/**
 * Reads what the decorators recorded, with the config's word on it.
 * @throws AggregateError of all that is wrong, each a JetplugError with file and line
 */
export function describe(plugin: CompiledPlugin, config: Pick<Config, 'plugins'>): PluginDefinition {
  const { cls, file, sources } = plugin;
  const options = pluginMark(cls)!.options;
  const where = placeOf(sources, cls.name);
  const name = options.name ?? pluginNameOf(cls.name);
  const problems: JetplugError[] = [];
  const attempt = <T>(body: () => T): T | undefined => {
    try {
      return body();
    } catch (error) {
      if (!isJetplugError(error)) throw error;
      problems.push(error.with({ plugin: name, ...where }));
      return undefined;
    }
  };

  attempt(() => assertName(name, 'plugin'));
  problems.push(...inspectDependencies(cls).map((problem) => problem.with({ plugin: name, ...where })));
  const marks = handlerMarks(cls);
  if (marks.length === 0)
    problems.push(
      new JetplugError('JP_PLUGIN_NO_HANDLER', `${cls.name} has no @Subscribe method`, { plugin: name, ...where }),
    );
  const layers = [config.plugins.defaults, config.plugins.sections[name] ?? {}] as const;
  const handlers = marks.map((mark) => attempt(() => describeHandler(plugin, name, mark, layers)));
  attempt(() => assertDistinct(handlers));

  if (problems.length > 0) throw new AggregateError(problems, `${file} cannot be used`);
  return {
    name,
    file,
    version: plugin.version,
    description: options.description,
    cls,
    settingsSchema: options.settings,
    where,
    handlers: handlers.filter((handler) => handler !== undefined),
    sources,
  };
}

type Layers = readonly [defaults: HandlerConfig, section: HandlerConfig];

function describeHandler(
  plugin: CompiledPlugin,
  pluginName: string,
  mark: HandlerMark,
  layers: Layers,
): HandlerDefinition {
  const where = placeOf(plugin.sources, plugin.cls.name, mark.method);
  try {
    const event = eventOf(plugin.cls, mark);
    const told = { ...event, ...optionsOf(mark, layers), ...groupingOf(mark.options, event.contract) };
    const name = kebabCase(mark.method);
    const durable = mark.options.durable ?? `${pluginName}-${name}`;
    assertName(name, 'handler');
    assertName(durable, 'durable');
    return { method: mark.method, name, durable, where, ...told };
  } catch (error) {
    throw isJetplugError(error) ? error.with({ plugin: pluginName, ...where }) : error;
  }
}

function eventOf(cls: PluginClass, mark: HandlerMark): Pick<HandlerDefinition, 'subject' | 'contract'> {
  const { target, method } = mark;
  if (target.kind === 'subject') {
    if (isSubscribeSubject(target.subject)) return { subject: target.subject, contract: undefined };
    throw new JetplugError(
      'JP_SUBJECT_INVALID',
      `@Subscribe(${JSON.stringify(target.subject)}) on ${cls.name}.${method}`,
    );
  }
  if (target.kind === 'contract') return { subject: target.contract.subject, contract: target.contract };
  const types = parameterTypes(cls, method);
  const type = types?.[0];
  if (isEventContract(type)) return { subject: type.subject, contract: type };
  throw new JetplugError('JP_HANDLER_NO_EVENT', `${cls.name}.${method} ${whyNoEvent(types)}`);
}

/** The compiler leaves a class where the parameter's type is one, and something poorer for all else. */
function whyNoEvent(types: unknown[] | undefined): string {
  if (types === undefined)
    return 'was compiled without decorator metadata (a .js plugin tells its contract: @Subscribe(TheEvent))';
  if (types.length === 0) return 'has no parameter, and its decorator names no event';
  const type = types[0];
  if (type === Object || type === undefined) {
    return 'has a parameter whose type is gone at run time: an interface, a union, `any`, or a class imported with `import type`';
  }
  if (type === Function)
    return 'has a parameter whose class is imported with `import type`, which leaves nothing at run time';
  if (type === Array) return 'has an array parameter, which does not say of what';
  return `has a parameter of type ${(type as { name: string }).name}, which is no event contract`;
}

function optionsOf(
  { options, method }: HandlerMark,
  [defaults, section]: Layers,
): Pick<HandlerDefinition, 'from' | 'concurrency' | 'timeoutMs' | 'retry'> {
  const told: HandlerConfig = fromDecorator(options);
  const pick = <K extends keyof HandlerConfig>(key: K): HandlerConfig[K] => section[key] ?? told[key] ?? defaults[key];
  const retry: RetryOptions = { ...defaults.retry, ...told.retry, ...section.retry };
  const from = pick('from') ?? HANDLER_DEFAULTS.from;
  const concurrency = pick('concurrency') ?? HANDLER_DEFAULTS.concurrency;
  const attempts = retry.attempts ?? HANDLER_DEFAULTS.attempts;
  const backoff = retry.backoff ?? [...HANDLER_DEFAULTS.backoffMs];
  assertCount(concurrency, `${method}: concurrency`);
  assertCount(attempts, `${method}: retry.attempts`);
  assertFrom(from, method);
  if (!Array.isArray(backoff) || backoff.length === 0) {
    throw new JetplugError('JP_HANDLER_OPTIONS', `${method}: retry.backoff is a list of at least one duration`);
  }
  const backoffMs = backoff.map((wait, i) => durationMs(wait, `${method}: retry.backoff[${i}]`));
  const timeoutMs = pick('timeoutMs') ?? HANDLER_DEFAULTS.timeoutMs;
  if (timeoutMs === 0) throw new JetplugError('JP_HANDLER_OPTIONS', `${method}: a timeout of 0 lets nothing end`);
  return { from, concurrency, timeoutMs, retry: { attempts, backoffMs } };
}

/** Whether events come by key, or in batches; both would leave a batch waiting for itself. */
function groupingOf(
  { key, batch }: SubscribeOptions,
  contract: EventContract | undefined,
): Pick<HandlerDefinition, 'key' | 'batch'> {
  if (key !== undefined && batch !== undefined) {
    throw new JetplugError('JP_HANDLER_OPTIONS', '@Subscribe has both key and batch; it takes one of them');
  }
  if (key !== undefined && (typeof key !== 'string' || key === '')) {
    throw new JetplugError('JP_HANDLER_OPTIONS', `key is ${JSON.stringify(key)}; it is the name of a field`);
  }
  const fields = fieldsOf(contract);
  if (key !== undefined && fields && !fields.includes(key)) {
    throw new JetplugError('JP_HANDLER_OPTIONS', `key is ${key}; the fields of the event are ${fields.join(', ')}`);
  }
  if (batch === undefined) return { key, batch };
  assertKnown(batch, BATCH_OPTIONS, 'batch.');
  assertCount(batch.size, 'batch.size');
  return { key, batch: { size: batch.size, waitMs: durationMs(batch.wait ?? '1s', 'batch.wait') } };
}

/** The fields of an event whose schema tells them: Standard Schema itself does not, but zod and Valibot do. */
function fieldsOf(contract: EventContract | undefined): string[] | undefined {
  const { shape, entries } = (contract?.schema ?? {}) as { shape?: unknown; entries?: unknown };
  const fields = shape ?? entries;
  return typeof fields === 'object' && fields !== null ? Object.keys(fields) : undefined;
}

const BATCH_OPTIONS = ['size', 'wait'] satisfies (keyof BatchOptions)[];
const OPTIONS = [
  'from',
  'durable',
  'concurrency',
  'timeout',
  'retry',
  'key',
  'batch',
] satisfies (keyof SubscribeOptions)[];
const RETRY_OPTIONS = ['attempts', 'backoff'] satisfies (keyof RetryOptions)[];

function fromDecorator(options: SubscribeOptions): HandlerConfig {
  assertKnown(options, OPTIONS);
  assertKnown(options.retry ?? {}, RETRY_OPTIONS, 'retry.');
  const { from, concurrency, timeout, retry } = options;
  return {
    ...(from === undefined ? {} : { from }),
    ...(concurrency === undefined ? {} : { concurrency }),
    ...(timeout === undefined ? {} : { timeoutMs: durationMs(timeout, '@Subscribe timeout') }),
    ...(retry === undefined ? {} : { retry }),
  };
}

function assertKnown(options: object, known: readonly string[], prefix = ''): void {
  const unknown = Object.keys(options).find((key) => !known.includes(key));
  if (unknown === undefined) return;
  const message = `@Subscribe has no option ${JSON.stringify(prefix + unknown)}; it has ${known.join(', ')}`;
  throw new JetplugError('JP_HANDLER_OPTIONS', message);
}

function assertFrom(from: From, method: string): void {
  if (from === 'new' || from === 'beginning') return;
  if (typeof from === 'object') {
    if ('since' in from) return void durationMs(from.since, `${method}: from.since`);
    if ('sequence' in from && Number.isInteger(from.sequence) && from.sequence > 0) return;
  }
  throw new JetplugError(
    'JP_HANDLER_OPTIONS',
    `${method}: from is ${JSON.stringify(from)}; it is 'new', 'beginning', { since: '7d' } or { sequence: 1 }`,
  );
}

function assertCount(value: unknown, what: string): void {
  if (Number.isInteger(value) && (value as number) >= 1) return;
  throw new JetplugError('JP_HANDLER_OPTIONS', `${what} is ${JSON.stringify(value)}, not a whole number of at least 1`);
}

function assertName(name: string, what: string): void {
  if (/^[a-z0-9](?:[a-z0-9_-]{0,62}[a-z0-9])?$/.test(name)) return;
  throw new JetplugError(
    'JP_PLUGIN_NAME_INVALID',
    `the ${what} name ${JSON.stringify(name)} is not 1–64 characters of a–z, 0–9, - and _`,
  );
}

function assertDistinct(handlers: readonly (HandlerDefinition | undefined)[]): void {
  const seen = new Map<string, HandlerDefinition>();
  for (const handler of handlers) {
    if (!handler) continue;
    const other = seen.get(handler.durable);
    if (other) {
      const code: ErrorCode = 'JP_PLUGIN_DUPLICATE_DURABLE';
      throw new JetplugError(
        code,
        `${other.method} and ${handler.method} both have the durable ${handler.durable}`,
        handler.where,
      );
    }
    seen.set(handler.durable, handler);
  }
}
