import type { Location } from '../../sdk/internal';
import type { OptionName } from './handler-options';
import type { IsolationOption, IsolationPolicy } from './isolation-options';
import { mapValues, type Layer } from './option-layers';

export type IsolationOrigins = Readonly<Record<IsolationOption, Origin>>;

/** The place that the value of an option comes from. */
export type Origin =
  | { readonly layer: 'default' }
  | ({ readonly layer: 'decorator' } & Location)
  /**
   * `key` is a path in the config, such as `plugins.badge.timeout`. The config knows the line, environment variable or
   * flag that set it.
   */
  | { readonly layer: 'config'; readonly key: string };

export type Origins = Readonly<Record<OptionName, Origin>>;

interface Place {
  readonly plugin: string;
  /** The place of the method, or of the plugin's class. */
  readonly where: Location;
  readonly sources: ReadonlyMap<string, string>;
}

/** The origin of each option of a handler. */
export function originsOf(layerOf: Readonly<Record<OptionName, Layer>>, { plugin, where, sources }: Place): Origins {
  const decorator = decoratorOf('Subscribe', where, sources.get(where.file) ?? '');
  return mapValues(layerOf, (layer, option) => originOf(option, layer, plugin, where.file, decorator));
}

/** The origin of each option of a plugin's isolation. */
export function isolationOrigins({ layerOf }: IsolationPolicy, { plugin, where, sources }: Place): IsolationOrigins {
  const decorator = decoratorOf('Plugin', where, sources.get(where.file) ?? '');
  return mapValues(layerOf, (layer, option) => originOf(option, layer, plugin, where.file, decorator));
}

function originOf(option: string, layer: Layer, plugin: string, file: string, decorator: DecoratorText): Origin {
  if (layer === 'built-in') return { layer: 'default' };
  if (layer === 'decorator') return { layer, file, line: lineOf(option, decorator) };
  return { layer: 'config', key: `plugins.${layer === 'section' ? plugin : 'defaults'}.${option}` };
}

/** A decorator's lines, and the number of the first. */
interface DecoratorText {
  readonly lines: readonly string[];
  readonly line: number;
}

/** The decorator above a method or class, or on the same line; the method's or class's line if there is none. */
function decoratorOf(name: 'Subscribe' | 'Plugin', where: Location, source: string): DecoratorText {
  const lines = source.split('\n').slice(0, where.line);
  const at = lines.findLastIndex((text) => new RegExp(`@\\w*${name}\\b`).test(text));
  if (at < 0) return { lines: [], line: where.line };
  // The method's own line may have parameters with the names of options.
  const end = at === where.line - 1 ? where.line : where.line - 1;
  return { lines: lines.slice(at, end), line: at + 1 };
}

/** The line that names an option; the decorator's first line if none does, as with options that are a constant. */
function lineOf(option: string, { lines, line }: DecoratorText): number {
  const word = option.split('.').at(-1)!;
  const at = lines.findIndex((text) => new RegExp(`\\b${word}\\b\\s*[:,}]`).test(text));
  return line + Math.max(0, at);
}
