import { formatDuration, type From } from '../../sdk/internal';
import type { SourceOf } from '../config/config';
import { formatSize } from '../config/size';
import type { HandlerDefinition, PluginDefinition } from '../load/describe';
import type { IsolationOption } from '../load/isolation-options';
import type { OptionName, Origin } from '../load/option-origins';

/** A place in the config: a line of a file, a variable or a flag. Without any of them, the key holds its default. */
export interface ConfigPlace {
  readonly from: 'config';
  /** The path of the key, such as `plugins.badge.timeout`. */
  readonly key: string;
  readonly file?: string;
  readonly line?: number;
  readonly variable?: string;
  readonly flag?: string;
}

/** The source of an option's value. */
export type OptionSource =
  | { readonly from: 'default' }
  | { readonly from: 'decorator'; readonly file: string; readonly line: number }
  | ConfigPlace;

/** An option's value as people write it, with its source. The value is null where the option is not used. */
export type ExplainedOption = { readonly value: unknown } & OptionSource;

export type ExplainedOptions = Readonly<Record<OptionName, ExplainedOption>>;

/** Explains every option of a handler. */
export function explainOptions(handler: HandlerDefinition, sourceOf: SourceOf): ExplainedOptions {
  const { origins, from, concurrency, timeoutMs, retry, key, batch, durable } = handler;
  const option = (name: OptionName, value: unknown): ExplainedOption => ({
    value,
    ...sourceOfOption(origins[name], sourceOf),
  });
  return {
    from: option('from', writtenFrom(from)),
    concurrency: option('concurrency', concurrency),
    timeout: option('timeout', formatDuration(timeoutMs)),
    'retry.attempts': option('retry.attempts', retry.attempts),
    'retry.backoff': option('retry.backoff', retry.backoffMs.map(formatDuration)),
    key: option('key', key ?? null),
    batch: option('batch', batch ? { size: batch.size, wait: formatDuration(batch.waitMs) } : null),
    durable: option('durable', durable),
  };
}

export type ExplainedIsolation = Readonly<Record<IsolationOption, ExplainedOption>>;

/** Explains in which process a plugin's code runs, and with which limits. */
export function explainIsolation({ isolation }: PluginDefinition, sourceOf: SourceOf): ExplainedIsolation {
  const { origins } = isolation;
  const option = (name: IsolationOption, value: unknown): ExplainedOption => ({
    value,
    ...sourceOfOption(origins[name], sourceOf),
  });
  return {
    isolation: option('isolation', isolation.isolation),
    processes: option('processes', isolation.processes),
    heapLimit: option('heapLimit', formatSize(isolation.heapLimitBytes)),
    memoryLimit: option('memoryLimit', formatSize(isolation.memoryLimitBytes)),
  };
}

/** The place of the value at a path of the config. */
export function whereInConfig(key: string, sourceOf: SourceOf): ConfigPlace {
  const source = sourceOf(key);
  switch (source.layer) {
    case 'file':
      return { from: 'config', key, file: source.file, line: source.line };
    case 'variable':
      return { from: 'config', key, variable: source.name };
    case 'flag':
      return { from: 'config', key, flag: source.name };
    case 'default':
      return { from: 'config', key };
  }
}

function sourceOfOption(origin: Origin, sourceOf: SourceOf): OptionSource {
  switch (origin.layer) {
    case 'default':
      return { from: 'default' };
    case 'decorator':
      return { from: 'decorator', file: origin.file, line: origin.line };
    case 'config':
      return whereInConfig(origin.key, sourceOf);
  }
}

/** Formats a length of time from the config, which is in milliseconds here. One from a decorator is still as its author wrote it. */
function writtenFrom(from: From): unknown {
  if (typeof from === 'string' || !('since' in from)) return from;
  return { since: typeof from.since === 'number' ? formatDuration(from.since) : from.since };
}
