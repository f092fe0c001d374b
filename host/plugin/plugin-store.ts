import { BucketTexts } from '../effects/bucket-texts';
import type { StoreTexts } from '../effects/text-store';
import type { PluginHost } from './plugin-host';

/** One plugin's bucket: made where it is missing, and again where the server loses it while the plugin runs. */
export class PluginStore {
  private leave: (() => void) | undefined;
  private released = false;

  constructor(
    private readonly plugin: string,
    private readonly host: Pick<PluginHost, 'broker'>,
  ) {}

  async openTexts(): Promise<StoreTexts> {
    const { bucket, leave } = await this.host.broker.openStore(this.plugin);
    this.leave = leave;
    // A plugin that did not come up in time is given up while this goes on.
    if (this.released) leave();
    return new BucketTexts(bucket);
  }

  release(): void {
    this.released = true;
    this.leave?.();
  }
}
