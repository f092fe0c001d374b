import type { SourceOf } from '../config/config';
import type { HandlerDefinition, PluginDefinition } from '../load/describe';
import { HANDLER_OPTIONS, type OptionName } from '../load/handler-options';
import { ISOLATION_OPTIONS, type IsolationOption } from '../load/isolation-options';
import { mapValues } from '../load/option-layers';
import type { Origin } from '../load/option-origins';

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
  return mapValues(HANDLER_OPTIONS, (option, name) => ({
    value: option.show(handler),
    ...sourceOfOption(handler.origins[name], sourceOf),
  }));
}

export type ExplainedIsolation = Readonly<Record<IsolationOption, ExplainedOption>>;

/** Explains in which process a plugin's code runs, and with which limits. */
export function explainIsolation({ isolation }: PluginDefinition, sourceOf: SourceOf): ExplainedIsolation {
  return mapValues(ISOLATION_OPTIONS, (option, name) => ({
    value: option.show(isolation),
    ...sourceOfOption(isolation.origins[name], sourceOf),
  }));
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
