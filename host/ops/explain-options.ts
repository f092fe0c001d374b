import type { SourceOf } from '../config/config';
import type { HandlerDefinition, PluginDefinition } from '../load/describe';
import { HANDLER_OPTIONS, type OptionName } from '../load/handler-options';
import { ISOLATION_OPTIONS, type IsolationOption } from '../load/isolation-options';
import { mapValues } from '../load/option-layers';
import type { Origin } from '../load/option-origins';

/** Where the config says something: a line of a file, a variable or a flag. */
export interface ConfigPlace {
  readonly from: 'config';
  /** The path, as in YAML. */
  readonly key: string;
  readonly file?: string;
  readonly line?: number;
  readonly variable?: string;
  readonly flag?: string;
}

/** Where the value of an option came from. */
export type Told =
  | { readonly from: 'default' }
  | { readonly from: 'decorator'; readonly file: string; readonly line: number }
  | ConfigPlace;

/** An option's value as people write it, and where it came from; null where the option is not used. */
export type ExplainedOption = { readonly value: unknown } & Told;

export type ExplainedOptions = Readonly<Record<OptionName, ExplainedOption>>;

/** Every option of a handler. */
export function explainOptions(handler: HandlerDefinition, sourceOf: SourceOf): ExplainedOptions {
  return mapValues(HANDLER_OPTIONS, (option, name) => ({
    value: option.show(handler),
    ...told(handler.origins[name], sourceOf),
  }));
}

export type ExplainedIsolation = Readonly<Record<IsolationOption, ExplainedOption>>;

/** Where a plugin's code runs. */
export function explainIsolation({ isolation }: PluginDefinition, sourceOf: SourceOf): ExplainedIsolation {
  return mapValues(ISOLATION_OPTIONS, (option, name) => ({
    value: option.show(isolation),
    ...told(isolation.origins[name], sourceOf),
  }));
}

/** Where the value at a path of the config is written. */
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

function told(origin: Origin, sourceOf: SourceOf): Told {
  switch (origin.layer) {
    case 'default':
      return { from: 'default' };
    case 'decorator':
      return { from: 'decorator', file: origin.file, line: origin.line };
    case 'config':
      return whereInConfig(origin.key, sourceOf);
  }
}
