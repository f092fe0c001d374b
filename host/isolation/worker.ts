import type { Time } from '../base/time';
import type { JetStreamEventBus } from '../effects/event-bus';
import type { StoreTexts } from '../effects/text-store';
import type { MemoryLimits } from '../load/isolation-options';
import type { PartedLog } from '../log/log';
import type { Scope } from '../message/run';
import type { JetplugError } from '../../sdk/internal';
import type { Layers, ProcessMessage, WireModule } from './protocol';

/**
 * A place outside of the host that runs an isolated plugin's code, from its start to its end. `isolation-backends.ts`
 * lists the implementations. A worker that has ended is not used again.
 */
export interface PluginWorker {
  readonly pid: number | undefined;
  /** The worker's memory at the last check; 0 until it is known. */
  readonly residentBytes: number;
  /** The number of calls that have not ended. */
  readonly load: number;
  /** Starts the worker, and loads and describes the plugin in it. @throws JetplugError, or an AggregateError of several */
  open(modules: readonly WireModule[], plugins: Layers): Promise<ProcessMessage & { is: 'loaded' }>;
  /** Builds and starts the plugin. @throws JetplugError */
  start(settings: unknown, services: WorkerServices): Promise<void>;
  /** Calls a handler; never throws. */
  call(call: WorkerCall): void;
  /**
   * Kills the worker if it is blocked. The host calls this every half second.
   * @param longestMs the longest timeout of the plugin's handlers
   */
  check(longestMs: number): void;
  /** Stops the plugin and ends the worker. @throws the error of `onStop` */
  stop(): Promise<void>;
  /** Ends the worker at once. */
  kill(why: string): void;
}

/** Makes a worker, which starts at its `open`. */
export type WorkerFactory = (options: WorkerOptions, events: WorkerEvents) => PluginWorker;

export interface WorkerOptions {
  readonly file: string;
  readonly limits: MemoryLimits;
  readonly log: PartedLog;
  readonly time: Time;
}

export interface WorkerEvents {
  /** Called when the worker has ended. `unstarted` are its calls whose handler had not begun. */
  ended(error: JetplugError, unstarted: readonly WorkerCall[]): void;
}

/** The host's services that a plugin's code uses from a worker. */
export interface WorkerServices {
  readonly texts: StoreTexts;
  readonly bus: JetStreamEventBus;
}

/** A call of a handler in a worker. */
export interface WorkerCall {
  readonly method: string;
  /** The run, or the batch of runs, that the call is for. */
  readonly scope: Scope;
  resolve(): void;
  reject(error: unknown): void;
}
