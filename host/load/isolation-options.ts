import { ISOLATIONS, JetplugError, type Isolation, type PluginOptions } from '../../sdk/internal';
import type { ProcessConfig } from '../config/config';
import { formatSize } from '../config/size';
import { choose, mapValues, type ConfigLayers, type Layer, type LayeredOption } from './option-layers';

/** Where a plugin's code runs, and its limits there. */
export interface IsolationPolicy {
  readonly isolation: Isolation;
  /** The number of the plugin's processes, if it is isolated. */
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

const MIB = 1024 * 1024;

interface Row<Given> extends LayeredOption<Given, PluginOptions, ProcessConfig> {
  /** The value in the units that people write. */
  show(policy: IsolationPolicy): unknown;
}

/** The options of a plugin's isolation. To add one: add a row and a field of the policy, and a key to `isolation-keys.ts`. */
export const ISOLATION_OPTIONS = {
  isolation: row<Isolation>({
    builtIn: 'inline',
    inDecorator: (options) => options.isolation,
    inConfig: (config) => config.isolation,
    show: ({ isolation }) => isolation,
  }),
  processes: row<number>({
    builtIn: 1,
    inDecorator: (options) => options.processes,
    inConfig: (config) => config.processes,
    show: ({ processes }) => processes,
  }),
  heapLimit: row<number>({
    builtIn: 256 * MIB,
    inDecorator: () => undefined,
    inConfig: (config) => config.heapLimitBytes,
    show: ({ heapLimitBytes }) => formatSize(heapLimitBytes),
  }),
  memoryLimit: row<number>({
    builtIn: 512 * MIB,
    inDecorator: () => undefined,
    inConfig: (config) => config.memoryLimitBytes,
    show: ({ memoryLimitBytes }) => formatSize(memoryLimitBytes),
  }),
};

export type IsolationOption = keyof typeof ISOLATION_OPTIONS;

export type IsolationLayers = ConfigLayers<ProcessConfig>;

/**
 * The isolation of a plugin. For each option the first layer that sets it counts: the plugin's section of the config,
 * `@Plugin`, the config's defaults, the built-in value.
 * @throws JetplugError `JP_PLUGIN_OPTIONS` for an invalid option of `@Plugin`
 */
export function isolationOf(options: PluginOptions, layers: IsolationLayers): IsolationPolicy {
  assertValid(options);
  const isolation = choose(ISOLATION_OPTIONS.isolation, options, layers);
  const processes = choose(ISOLATION_OPTIONS.processes, options, layers);
  const heapLimit = choose(ISOLATION_OPTIONS.heapLimit, options, layers);
  const memoryLimit = choose(ISOLATION_OPTIONS.memoryLimit, options, layers);
  return {
    isolation: isolation.value,
    processes: processes.value,
    heapLimitBytes: heapLimit.value,
    memoryLimitBytes: memoryLimit.value,
    layerOf: mapValues({ isolation, processes, heapLimit, memoryLimit }, ({ layer }) => layer),
  };
}

function assertValid({ isolation, processes }: PluginOptions): void {
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
}

/** Infers the type of a row of the table. */
function row<Given>(option: Row<Given>): Row<Given> {
  return option;
}
