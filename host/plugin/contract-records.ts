import { isJetplugError } from '../../sdk/internal';
import { retryUntil } from '../base/retry-until';
import type { Config } from '../config/config';
import type { PluginDefinition } from '../load/describe';
import { KeyWriters } from '../records/key-writers';
import { assertReplaceable, CONTRACTS_KEY, contractRecordOf, isSameRecord } from './contract-record';
import type { PluginHost } from './plugin-host';

const RETRY_MS = 5_000;

/**
 * Keeps the record of each plugin's contracts in the host's bucket, so that `jetplug docs` needs no host. A host writes
 * a record when it starts a version, if the stored one differs; so of several hosts the one that started last counts.
 * Nothing waits for these writes, and their failure is only logged.
 */
export class ContractRecords {
  private readonly writers: KeyWriters;
  /** The text that this host wants for each plugin. A write that is retried writes the newest one. */
  private readonly wanted = new Map<string, string>();
  private readonly writing = new Set<Promise<void>>();
  private readonly stopping = new AbortController();
  private unlisten: (() => void) | undefined;

  constructor(private readonly host: Pick<PluginHost, 'records' | 'log' | 'time'>) {
    this.writers = new KeyWriters(host.records);
  }

  /** Stores the record of a version that runs. */
  publish(plugin: PluginDefinition, config: Config): void {
    this.unlisten ??= this.host.records.onLost?.(() => this.publishAgain());
    this.wanted.set(plugin.name, JSON.stringify(contractRecordOf(plugin, config)));
    this.writeWanted(plugin.name);
  }

  /** Removes the record of a plugin whose file is gone, unless another host has stored its own since. */
  withdraw(plugin: string): void {
    const mine = this.wanted.get(plugin);
    if (mine === undefined) return;
    this.wanted.delete(plugin);
    this.write(plugin, (stored) => {
      const isLoadedAgain = this.wanted.has(plugin);
      return !isLoadedAgain && isSameRecord(stored, mine) ? undefined : stored;
    });
  }

  /** Ends the retries, and waits for the writes that are in flight. */
  async stop(): Promise<void> {
    this.stopping.abort();
    this.unlisten?.();
    await Promise.all(this.writing);
  }

  /** Writes all records into the bucket that replaces a lost one. They are retried until it exists. */
  private publishAgain(): void {
    for (const plugin of this.wanted.keys()) this.writeWanted(plugin);
  }

  private writeWanted(plugin: string): void {
    this.write(plugin, (stored) => {
      assertReplaceable(plugin, stored);
      const next = this.wanted.get(plugin);
      return next === undefined || isSameRecord(stored, next) ? stored : next;
    });
  }

  private write(plugin: string, change: (stored: string | undefined) => string | undefined): void {
    const { log, time } = this.host;
    const failed = (error: unknown): void =>
      log.warn('the contracts of a plugin could not be published', { plugin, err: error });
    const written = retryUntil(() => this.writers.write(`${CONTRACTS_KEY}.${plugin}`, change), {
      waitMs: RETRY_MS,
      stop: this.stopping.signal,
      mayPass: (error) => isJetplugError(error) && error.code === 'JP_STORE_UNAVAILABLE',
      failed,
      time,
    }).then(
      () => undefined,
      (error: unknown) => failed(error),
    );
    this.writing.add(written);
    void written.then(() => this.writing.delete(written));
  }
}
