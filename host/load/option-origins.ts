import type { HandlerMark, Location, SubscribeOptions } from '../../sdk/internal';
import type { Layer, RunOption } from './handler-options';
import type { IsolationOption, IsolationPolicy } from './isolation-options';

/** Every option of a handler. */
export type OptionName = RunOption | 'key' | 'batch' | 'durable';

export type IsolationOrigins = Readonly<Record<IsolationOption, Origin>>;

/** Where the value of an option came from. */
export type Origin =
  | { readonly layer: 'default' }
  | ({ readonly layer: 'decorator' } & Location)
  /** `key` is the path in the config, whose own source the loader of the config knows. */
  | { readonly layer: 'config'; readonly key: string };

export type Origins = Readonly<Record<OptionName, Origin>>;

interface Place {
  readonly plugin: string;
  /** Where the method stands. */
  readonly where: Location;
  readonly sources: ReadonlyMap<string, string>;
}

/** Where each option of a handler came from: who had the word on it, and where that is written. */
export function originsOf(
  { options }: HandlerMark,
  layerOf: Readonly<Record<RunOption, Layer>>,
  { plugin, where, sources }: Place,
): Origins {
  const decorator = decoratorOf('Subscribe', where, sources.get(where.file) ?? '');
  const origin = (option: OptionName, layer: Layer): Origin => originOf(option, layer, plugin, where.file, decorator);
  const told = (option: keyof SubscribeOptions): Layer => (options[option] === undefined ? 'built-in' : 'decorator');
  return {
    from: origin('from', layerOf.from),
    concurrency: origin('concurrency', layerOf.concurrency),
    timeout: origin('timeout', layerOf.timeout),
    'retry.attempts': origin('retry.attempts', layerOf['retry.attempts']),
    'retry.backoff': origin('retry.backoff', layerOf['retry.backoff']),
    key: origin('key', told('key')),
    batch: origin('batch', told('batch')),
    durable: origin('durable', told('durable')),
  };
}

/** Where each option of a plugin's isolation came from. */
export function isolationOrigins({ layerOf }: IsolationPolicy, { plugin, where, sources }: Place): IsolationOrigins {
  const decorator = decoratorOf('Plugin', where, sources.get(where.file) ?? '');
  const origin = (option: IsolationOption): Origin => originOf(option, layerOf[option], plugin, where.file, decorator);
  return {
    isolation: origin('isolation'),
    processes: origin('processes'),
    heapLimit: origin('heapLimit'),
    memoryLimit: origin('memoryLimit'),
  };
}

function originOf(option: string, layer: Layer, plugin: string, file: string, decorator: DecoratorText): Origin {
  if (layer === 'built-in') return { layer: 'default' };
  if (layer === 'decorator') return { layer, file, line: lineOf(option, decorator) };
  return { layer: 'config', key: `plugins.${layer === 'section' ? plugin : 'defaults'}.${option}` };
}

/** A decorator's lines, and where the first of them stands. */
interface DecoratorText {
  readonly lines: readonly string[];
  readonly line: number;
}

/** The decorator above a method or class, or before it on its line; its own line where none is found. */
function decoratorOf(name: 'Subscribe' | 'Plugin', where: Location, source: string): DecoratorText {
  const lines = source.split('\n').slice(0, where.line);
  const at = lines.findLastIndex((text) => new RegExp(`@\\w*${name}\\b`).test(text));
  if (at < 0) return { lines: [], line: where.line };
  // The method's own line may name parameters like options.
  const end = at === where.line - 1 ? where.line : where.line - 1;
  return { lines: lines.slice(at, end), line: at + 1 };
}

/** The line on which an option is written; the decorator's first where it does not show there, as with a constant. */
function lineOf(option: string, { lines, line }: DecoratorText): number {
  const word = option.split('.').at(-1)!;
  const at = lines.findIndex((text) => new RegExp(`\\b${word}\\b\\s*[:,}]`).test(text));
  return line + Math.max(0, at);
}
