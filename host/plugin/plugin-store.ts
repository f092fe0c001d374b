import { BucketTexts } from '../effects/bucket-texts';
import type { StoreTexts } from '../effects/text-store';
import type { PluginHost } from './plugin-host';

/**
 * One plugin's bucket. The host creates it if it is missing, and again if the server loses it while the plugin runs.
 */
export class PluginStore {
  private leave: (() => void) | undefined;
  private released = false;

  constructor(
    private readonly plugin: string,
    private readonly host: Pick<PluginHost, 'broker'>,
  ) {}

  /** Opens the bucket. Call this method once, or again after a failure. */
  async openTexts(): Promise<StoreTexts> {
    const { bucket, leave } = await this.host.broker.openStore(this.plugin);
    // The start of the plugin may have been abandoned in the meantime.
    if (this.released) leave();
    else this.leave = leave;
    return new BucketTexts(bucket);
  }

  /** Ends the restoring of the bucket after a loss. A second call has no effect. */
  release(): void {
    this.released = true;
    this.leave?.();
    this.leave = undefined;
  }
}
