import type { IsolatedPolicy } from '../load/isolation-options';
import { PluginProcess } from './plugin-process';
import type { WorkerFactory } from './worker';

/**
 * The functions that make a worker, by the option `isolation`. A new kind needs its name in `ISOLATIONS` and a line
 * here.
 */
export const WORKERS: Readonly<Record<IsolatedPolicy['isolation'], WorkerFactory>> = {
  process: (options, events) => new PluginProcess(options, events),
};
