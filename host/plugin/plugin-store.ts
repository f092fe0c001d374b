import type { Store } from '../../sdk';
import { KvStore } from '../effects/kv-store';
import { Bucket } from '../nats/bucket';
import type { PluginHost } from './plugin-host';

/** One plugin's bucket: made where it is missing, and again where the server loses it while the plugin runs. */
export class PluginStore {
  private leave: (() => void) | undefined;
  private released = false;

  constructor(
    private readonly plugin: string,
    private readonly host: Pick<PluginHost, 'config' | 'connection' | 'kept'>,
  ) {}

  async open(): Promise<Store> {
    const { connection, config, kept } = this.host;
    const replicas = config.streams[0]?.replicas ?? 1;
    const bucket = await Bucket.open(connection, `jetplug-${this.plugin}`, replicas);
    this.leave = await bucket.keep(kept, `the store of plugin ${this.plugin}`, replicas);
    // A plugin that did not come up in time is given up while this goes on.
    if (this.released) this.leave();
    return new KvStore(bucket);
  }

  release(): void {
    this.released = true;
    this.leave?.();
  }
}
