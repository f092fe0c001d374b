import type { Handler } from '../message/handler';
import type { InstantiatedPlugin } from './instantiate';

/** A plugin's code, built and started: in the host, or in processes of its own. */
export interface PluginCode {
  /** What calls a method of it; see {@link Handler.invoke}. */
  handler(method: string): Handler['invoke'];
  /** Its processes, where it has some. */
  readonly processes: readonly ProcessState[] | undefined;
  /** Ends what its author began. Rejects with what `onStop` rejects with. */
  stop(): Promise<void>;
  /** Ends what is left after that, or instead of it. */
  end(): void;
}

/** A process of an isolated plugin. */
export interface ProcessState {
  readonly state: 'running' | 'starting' | 'waiting';
  readonly pid?: number;
  /** How often it was started again. */
  readonly restarts: number;
  /** How the last one ended. */
  readonly lastEnd?: string;
  readonly residentBytes?: number;
}

/** Code that runs in the host. */
export class InlineCode implements PluginCode {
  readonly processes = undefined;

  constructor(private readonly contained: InstantiatedPlugin) {}

  handler(method: string): Handler['invoke'] {
    const { instance } = this.contained;
    const body = instance[method] as Handler['invoke'];
    return (event, context) => body.call(instance, event, context);
  }

  async stop(): Promise<void> {
    const { instance, release } = this.contained;
    await instance.onStop?.();
    await release();
  }

  end(): void {
    // Nothing of it is left that the host could end.
  }
}
