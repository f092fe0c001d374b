import type { IsolatedPolicy } from '../load/isolation-options';
import { PluginProcess } from './plugin-process';
import type { StartWorker } from './worker';

/** How a worker is started, by the option `isolation`. A new kind needs its name in `ISOLATIONS` and a line here. */
export const WORKERS: Readonly<Record<IsolatedPolicy['isolation'], StartWorker>> = {
  process: (options, events) => new PluginProcess(options, events),
};
