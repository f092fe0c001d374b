import type { IsolatedPolicy } from '../load/isolation-options';
import { PluginProcess } from './plugin-process';
import type { StartWorker } from './worker';

/**
 * The functions that start a worker, by the option `isolation`. A new kind needs its name in `ISOLATIONS` and a line
 * here.
 */
export const WORKERS: Readonly<Record<IsolatedPolicy['isolation'], StartWorker>> = {
  process: (options, events) => new PluginProcess(options, events),
};
