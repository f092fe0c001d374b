import { JetplugError } from '../../sdk/internal';
import type { PluginWorker, WorkerCall, WorkerEvents, WorkerServices } from '../../host/isolation/worker';

/** A worker that loads a plugin, takes calls and does nothing, until the test ends it. */
export class IdleWorker implements PluginWorker {
  /** All workers of the test. A test file empties the list before each test. */
  static all: IdleWorker[] = [];
  readonly pid = 1_000 + IdleWorker.all.length;
  readonly residentBytes = 0;
  readonly calls: WorkerCall[] = [];
  /** The settings and services of the start. */
  started: { readonly settings: unknown; readonly services: WorkerServices } | undefined;
  stops = 0;
  killed: string | undefined;

  /**
   * @param definition what the worker reads of its plugin
   * @param until awaited before the worker answers `open` and `start`; may reject
   */
  constructor(
    private readonly events: WorkerEvents,
    private readonly definition: object,
    private readonly until: (order: 'open' | 'start') => Promise<unknown> = () => Promise.resolve(),
  ) {
    IdleWorker.all.push(this);
  }

  get load(): number {
    return this.calls.length;
  }
  async open(): Promise<never> {
    await this.until('open');
    return { is: 'loaded', definition: this.definition, modules: [] } as never;
  }
  async start(settings: unknown, services: WorkerServices): Promise<void> {
    this.started = { settings, services };
    await this.until('start');
  }
  call(call: WorkerCall): void {
    this.calls.push(call);
  }
  check(): void {}
  async stop(): Promise<void> {
    this.stops++;
  }
  kill(why: string): void {
    this.killed ??= why;
  }
  end(unstarted: readonly WorkerCall[]): void {
    this.events.ended(new JetplugError('JP_PLUGIN_PROCESS_ENDED', 'it broke'), unstarted);
  }
}
