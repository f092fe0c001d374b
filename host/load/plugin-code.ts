import type { Handler } from '../message/handler';
import { currentScope } from '../message/run';
import type { PluginDefinition } from './describe';
import { handlerOf, type InstantiatedPlugin } from './instantiate';

/**
 * A plugin's code, built and started. {@link InlineCode} runs it in the host, and `isolation/isolated-plugin.ts`
 * outside of the host.
 */
export interface PluginCode {
  /** A function that calls a method of the plugin; see {@link Handler.invoke}. */
  handler(method: string): Handler['invoke'];
  /** The processes of the plugin, if it is isolated. */
  readonly processes: readonly ProcessState[] | undefined;
  /** Stops the plugin. Rejects with the error of `onStop`. */
  stop(): Promise<void>;
  /** Ends the plugin's processes, after `stop` or instead of it. */
  end(): void;
}

/** A process of an isolated plugin. */
export interface ProcessState {
  readonly state: 'running' | 'starting' | 'waiting';
  readonly pid?: number;
  /** The number of restarts. */
  readonly restarts: number;
  /** The reason of the last end. */
  readonly lastEnd?: string;
  readonly residentBytes?: number;
}

/** Code that runs in the host. */
export class InlineCode implements PluginCode {
  readonly processes = undefined;

  constructor(
    private readonly plugin: InstantiatedPlugin,
    private readonly definition: PluginDefinition,
  ) {}

  handler(method: string): Handler['invoke'] {
    return handlerOf(this.plugin, this.definition, method, (what) => currentScope()?.assertLive(what));
  }

  async stop(): Promise<void> {
    const { instance, release } = this.plugin;
    await instance.onStop?.();
    await release();
  }

  end(): void {
    // Code in the host has no process to end.
  }
}
