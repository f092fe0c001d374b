import type { StoreTexts } from '../effects/text-store';
import type { PluginCommitLog } from './commit-logs';
import type { PluginHost } from './plugin-host';

/** The use of a plugin's store and commit log by one version of the plugin. */
export class PluginStore {
  private log: PluginCommitLog | undefined;
  private released = false;

  constructor(
    private readonly plugin: string,
    private readonly host: Pick<PluginHost, 'commits'>,
  ) {}

  /** Opens the plugin's commit log if it exists. Call this method before any other. */
  async enter(): Promise<void> {
    // The start of the plugin may have been abandoned in the meantime.
    if (this.released) throw new Error('the start of the plugin was abandoned');
    this.log = this.host.commits.enter(this.plugin);
    await this.log.find();
  }

  /** Opens the store. It is created if it is missing, and again if the server loses it while the plugin runs. */
  openTexts(): Promise<StoreTexts> {
    return this.log!.openTexts();
  }

  /** Ends the use. A second call has no effect. */
  release(): void {
    this.released = true;
    if (this.log) this.host.commits.leave(this.log);
    this.log = undefined;
  }
}
