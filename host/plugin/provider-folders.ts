import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../../sdk';
import { JetplugError } from '../../sdk/internal';
import { FolderProviders, providersFileIn } from '../load/folder-providers';
import type { SharedModules } from '../load/module-loader';
import type { PartedLog } from '../log/log';
import { STOP_LIMIT_MS, withinStopLimit } from '../base/stop-limit';

/** The use of a folder's providers by one version of a plugin. */
export interface ProvidersLease {
  readonly shared: SharedModules;
  /** Ends the use. Providers that a newer version has replaced stop when nobody uses them. */
  release(): void;
}

/** The providers of the host's plugins folders. The first plugin of a folder starts them, for all plugins of the folder. */
export class ProviderFolders {
  /** The newest version of each folder. */
  private readonly current = new Map<string, ProvidersVersion>();
  /** The starts that run. All plugins that are loaded meanwhile get their result. */
  private readonly starting = new Map<string, Promise<ProvidersVersion | undefined>>();
  private readonly stops = new Set<Promise<void>>();

  constructor(
    private readonly log: PartedLog,
    private readonly clock: Clock,
    private readonly limitMs: number,
    private readonly stopLimitMs = STOP_LIMIT_MS,
  ) {}

  /**
   * Returns the providers of a folder as its files are now, for a plugin of the folder. Undefined if there are none.
   * @throws JetplugError `JP_PROVIDERS_NOT_LOADED` or `JP_PROVIDERS_START_FAILED`; earlier providers continue to run
   */
  async take(root: string): Promise<ProvidersLease | undefined> {
    let starting = this.starting.get(root);
    if (!starting) {
      starting = this.renew(root).finally(() => this.starting.delete(root));
      this.starting.set(root, starting);
    }
    return (await starting)?.lease();
  }

  /** Stops the providers of all folders, whose plugins have stopped. */
  async stop(): Promise<void> {
    for (const version of this.current.values()) version.retire();
    this.current.clear();
    await Promise.all(this.stops);
  }

  private async renew(root: string): Promise<ProvidersVersion | undefined> {
    const file = providersFileIn(root);
    const before = this.current.get(root);
    if (before && before.providers.file === file && isUnchanged(before.providers)) return before;
    const next = file === undefined ? undefined : await this.start(file);
    if (next) this.current.set(root, next);
    else this.current.delete(root);
    before?.retire();
    return next;
  }

  private async start(file: string): Promise<ProvidersVersion> {
    const providers = FolderProviders.load(file);
    const { log, clock } = this;
    const started = providers.start({ logger: log, clock });
    await this.withinLimit(started, providers);
    log.info('the providers of a plugins folder are started', { file });
    return new ProvidersVersion(providers, () => this.end(providers));
  }

  /** @throws JetplugError `JP_PROVIDERS_START_FAILED` if the start takes too long; the providers then stop later */
  private async withinLimit(started: Promise<void>, providers: FolderProviders): Promise<void> {
    const { limitMs, log } = this;
    const timer = new AbortController();
    const late = sleep(limitMs, 'late' as const, { signal: timer.signal }).catch(() => 'aborted' as const);
    const first = await Promise.race([started, late]).finally(() => timer.abort());
    if (first !== 'late') return;
    started.then(
      () => this.end(providers),
      (error: unknown) => log.warn('providers failed after their start was abandoned', { err: error }),
    );
    const message = `the providers did not start within ${limitMs} ms`;
    throw new JetplugError('JP_PROVIDERS_START_FAILED', message, { file: providers.file, line: 1 });
  }

  private end(providers: FolderProviders): void {
    const stopped = this.stopOf(providers).catch((error: unknown) => {
      this.log.error('the providers of a plugins folder could not be released', { file: providers.file, err: error });
    });
    this.stops.add(stopped);
    void stopped.then(() => this.stops.delete(stopped));
  }

  /** Stops providers. If an `onStop` does not end, the host does not wait for it. */
  private async stopOf(providers: FolderProviders): Promise<void> {
    const late = await withinStopLimit(providers.stop(this.log), this.stopLimitMs);
    if (late) this.log.error('a provider did not stop cleanly', { file: providers.file, err: late });
  }
}

/** One version of a folder's providers, with the number of its uses. */
class ProvidersVersion {
  private uses = 0;
  private isRetired = false;

  constructor(
    readonly providers: FolderProviders,
    private readonly end: () => void,
  ) {}

  lease(): ProvidersLease {
    this.uses++;
    let isReleased = false;
    const release = (): void => {
      if (isReleased) return;
      isReleased = true;
      this.uses--;
      this.endIfUnused();
    };
    return { shared: this.providers, release };
  }

  /** Stops the providers as soon as nobody uses them, because there is a newer version or the host stops. */
  retire(): void {
    this.isRetired = true;
    this.endIfUnused();
  }

  private endIfUnused(): void {
    if (this.isRetired && this.uses === 0) this.end();
  }
}

function isUnchanged({ sources }: FolderProviders): boolean {
  try {
    return [...sources].every(([path, source]) => readFileSync(path, 'utf8') === source);
  } catch {
    return false; // a file is gone; loading the providers reports it
  }
}
