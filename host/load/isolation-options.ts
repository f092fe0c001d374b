import { JetplugError, type Isolation, type PluginOptions } from '../../sdk/internal';
import type { ProcessConfig } from '../config/config';
import type { Layer } from './handler-options';

/** Where a plugin's code runs, with what limits. */
export interface IsolationPolicy {
  readonly isolation: Isolation;
  /** How many processes of its own it has, if any. */
  readonly processes: number;
  /** How large the objects of each may get. */
  readonly heapLimitBytes: number;
  /** How much memory each may have in all. */
  readonly memoryLimitBytes: number;
  /** Who had the word on each. */
  readonly layerOf: Readonly<Record<IsolationOption, Layer>>;
}

/** How much memory a process may have. */
export type MemoryLimits = Pick<IsolationPolicy, 'heapLimitBytes' | 'memoryLimitBytes'>;

export type IsolationOption = 'isolation' | 'processes' | 'heapLimit' | 'memoryLimit';

const MIB = 1024 * 1024;

const BUILT_IN = {
  isolation: 'inline',
  processes: 1,
  heapLimitBytes: 256 * MIB,
  memoryLimitBytes: 512 * MIB,
} satisfies Required<ProcessConfig>;

/** What the config says of a plugin, and of all plugins. */
export interface IsolationLayers {
  readonly section: ProcessConfig;
  readonly defaults: ProcessConfig;
}

/**
 * For each option the first layer that says something counts.
 * @throws JetplugError `JP_PLUGIN_OPTIONS` for what the decorator may not say
 */
export function isolationOf(options: PluginOptions, { section, defaults }: IsolationLayers): IsolationPolicy {
  const { isolation, processes } = options;
  if (isolation !== undefined && !['inline', 'process'].includes(isolation)) {
    throw new JetplugError('JP_PLUGIN_OPTIONS', `isolation is ${JSON.stringify(isolation)}; it is inline or process`);
  }
  if (processes !== undefined && !(Number.isInteger(processes) && processes > 0)) {
    throw new JetplugError(
      'JP_PLUGIN_OPTIONS',
      `processes is ${JSON.stringify(processes)}; it is a whole number from 1`,
    );
  }
  const layers: [Layer, ProcessConfig][] = [
    ['section', section],
    ['decorator', options],
    ['defaults', defaults],
    ['built-in', BUILT_IN],
  ];
  const choose = <K extends keyof ProcessConfig>(name: K): { value: NonNullable<ProcessConfig[K]>; layer: Layer } => {
    const [layer, said] = layers.find(([, each]) => each[name] !== undefined)!;
    return { value: said[name]!, layer };
  };
  const chosen = {
    isolation: choose('isolation'),
    processes: choose('processes'),
    heapLimit: choose('heapLimitBytes'),
    memoryLimit: choose('memoryLimitBytes'),
  };
  return {
    isolation: chosen.isolation.value,
    processes: chosen.processes.value,
    heapLimitBytes: chosen.heapLimit.value,
    memoryLimitBytes: chosen.memoryLimit.value,
    layerOf: {
      isolation: chosen.isolation.layer,
      processes: chosen.processes.layer,
      heapLimit: chosen.heapLimit.layer,
      memoryLimit: chosen.memoryLimit.layer,
    },
  };
}
