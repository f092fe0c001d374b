import { ISOLATIONS, JetplugError, type Isolation, type PluginOptions } from '../../sdk/internal';
import type { ProcessConfig } from '../config/config';
import type { Layer } from './handler-options';

/** Where a plugin's code runs, and its limits there. */
export interface IsolationPolicy {
  readonly isolation: Isolation;
  /** The number of its processes, if it is isolated. */
  readonly processes: number;
  /** The limit of the JavaScript heap of each process. */
  readonly heapLimitBytes: number;
  /** The limit of the memory of each process, buffers included. */
  readonly memoryLimitBytes: number;
  /** The layer that each option comes from. */
  readonly layerOf: Readonly<Record<IsolationOption, Layer>>;
}

/** The policy of a plugin whose code runs outside of the host. */
export type IsolatedPolicy = IsolationPolicy & { readonly isolation: Exclude<Isolation, 'inline'> };

export function isIsolated(policy: IsolationPolicy): policy is IsolatedPolicy {
  return policy.isolation !== 'inline';
}

export type MemoryLimits = Pick<IsolationPolicy, 'heapLimitBytes' | 'memoryLimitBytes'>;

export type IsolationOption = 'isolation' | 'processes' | 'heapLimit' | 'memoryLimit';

const MIB = 1024 * 1024;

const BUILT_IN = {
  isolation: 'inline',
  processes: 1,
  heapLimitBytes: 256 * MIB,
  memoryLimitBytes: 512 * MIB,
} satisfies Required<ProcessConfig>;

export interface IsolationLayers {
  readonly section: ProcessConfig;
  readonly defaults: ProcessConfig;
}

/**
 * The isolation of a plugin. For each option the first layer that sets it counts: the plugin's section of the config,
 * `@Plugin`, the config's defaults, the built-in value.
 * @throws JetplugError `JP_PLUGIN_OPTIONS` for an invalid option of `@Plugin`
 */
export function isolationOf(options: PluginOptions, { section, defaults }: IsolationLayers): IsolationPolicy {
  const { isolation, processes } = options;
  if (isolation !== undefined && !ISOLATIONS.includes(isolation)) {
    throw new JetplugError(
      'JP_PLUGIN_OPTIONS',
      `isolation is ${JSON.stringify(isolation)}; it is ${ISOLATIONS.join(' or ')}`,
    );
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
