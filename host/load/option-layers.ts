/** The source of an option's value. The first of these layers that sets an option counts. */
export type Layer = 'section' | 'decorator' | 'defaults' | 'built-in';

/** The config of a plugin: its own section, and the defaults of all plugins. */
export interface ConfigLayers<Config> {
  readonly section: Config;
  readonly defaults: Config;
}

/** An option that a decorator and the config can set. `Given` is the type of its value in both. */
export interface LayeredOption<Given, Options, Config> {
  readonly builtIn: Given;
  /** Reads the option from a decorator's options. */
  inDecorator(options: Options): Given | null | undefined;
  /** Reads the option from a section of the config, which has checked it. */
  inConfig(config: Config): Given | undefined;
}

/** An option's value, and the layer that it comes from. */
export interface Chosen<Given> {
  readonly value: Given;
  readonly layer: Layer;
}

export function choose<Given, Options, Config>(
  { builtIn, inDecorator, inConfig }: LayeredOption<Given, Options, Config>,
  options: Options,
  { section, defaults }: ConfigLayers<Config>,
): Chosen<Given> {
  const given: readonly [Layer, Given | null | undefined][] = [
    ['section', inConfig(section)],
    ['decorator', inDecorator(options)],
    ['defaults', inConfig(defaults)],
  ];
  for (const [layer, value] of given) if (value !== undefined && value !== null) return { value, layer };
  return { value: builtIn, layer: 'built-in' };
}

/** An object with the same keys, and each value mapped. */
export function mapValues<K extends string, T, U>(object: Readonly<Record<K, T>>, map: (value: T, key: K) => U) {
  const entries = Object.entries(object) as [K, T][];
  return Object.fromEntries(entries.map(([key, value]) => [key, map(value, key)])) as Record<K, U>;
}
