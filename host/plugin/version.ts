import { isJetplugError } from '../../sdk/internal';
import type { PartedLog } from '../log/log';
import type { PluginDefinition } from '../load/describe';
import { lifecycleError } from '../load/instantiate';
import type { PluginCode } from '../load/plugin-code';
import type { Closable } from './step';
import { withinStopLimit } from '../base/stop-limit';

/** One version of a plugin, built and started. */
export class PluginVersion implements Closable {
  /** Promises of the runs that use the version or have used it. */
  private readonly runs: Promise<unknown>[] = [];

  /** @param release frees everything that the host has made for the version */
  constructor(
    readonly definition: PluginDefinition,
    readonly code: PluginCode,
    private readonly log: PartedLog,
    private readonly release: () => void,
  ) {}

  /** Makes {@link close} wait for these runs. */
  usedUntil(ended: Promise<unknown>): void {
    this.runs.push(ended);
  }

  /** Waits for the last run, calls `onStop` and releases the version. Never rejects. */
  async close(): Promise<void> {
    await Promise.all(this.runs);
    await this.stop();
    this.code.end();
    this.release();
  }

  private async stop(): Promise<void> {
    const { definition, code, log } = this;
    const failed = (error: unknown): void =>
      log.error('a plugin did not stop cleanly', {
        plugin: definition.name,
        err: isJetplugError(error) ? error : lifecycleError('JP_PLUGIN_STOP_FAILED', 'onStop', definition, error),
      });
    const late = await withinStopLimit(code.stop().catch(failed));
    if (late) failed(late);
  }
}
