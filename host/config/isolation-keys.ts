import { ISOLATIONS, type Isolation } from '../../sdk/internal';
import type { SchemaMap, WrittenValues } from './key';
import { bytes, present } from './units';

/** The keys for the isolation of plugins, under `plugins.defaults` and under `plugins.<name>`. */
export const isolationKeys = {
  isolation: {
    doc: 'Where a plugin’s code runs: inline, in the host, or process, in processes of its own with limits.',
    format: ISOLATIONS,
    default: null as Isolation | null,
    nullable: true,
    env: 'JETPLUG_PLUGINS_DEFAULTS_ISOLATION',
  },
  processes: {
    doc: 'The number of processes of an isolated plugin.',
    format: 'count',
    default: null as number | null,
    nullable: true,
    env: 'JETPLUG_PLUGINS_DEFAULTS_PROCESSES',
  },
  heapLimit: {
    doc: 'The limit of the JavaScript heap of such a process.',
    format: 'size',
    default: null as string | number | null,
    nullable: true,
    env: 'JETPLUG_PLUGINS_DEFAULTS_HEAP_LIMIT',
  },
  memoryLimit: {
    doc: 'The limit of the memory of such a process, buffers included.',
    format: 'size',
    default: null as string | number | null,
    nullable: true,
    env: 'JETPLUG_PLUGINS_DEFAULTS_MEMORY_LIMIT',
  },
} as const satisfies SchemaMap;

/** The options of isolation that the config sets. For an absent option, the decorator or the built-in default counts. */
export interface ProcessConfig {
  readonly isolation?: Isolation;
  readonly processes?: number;
  readonly heapLimitBytes?: number;
  readonly memoryLimitBytes?: number;
}

type Written = WrittenValues<typeof isolationKeys>;

/** The written options of isolation in bytes, without those that are not set. */
export function processConfig({ isolation, processes, heapLimit, memoryLimit }: Written): ProcessConfig {
  return present({
    isolation: isolation ?? undefined,
    processes: processes ?? undefined,
    heapLimitBytes: heapLimit === null ? undefined : bytes(heapLimit),
    memoryLimitBytes: memoryLimit === null ? undefined : bytes(memoryLimit),
  });
}
