import type { StreamInfo } from './client';
import type { Logger } from '../../sdk';
import { retryUntil } from '../base/retry-until';
import type { Connection } from './connection';
import { KeptStream, type RequiredStream } from './kept-stream';
import { ALONE, mayCreate, noteLoss, type KeeperPolicy } from './stream-loss';
import { findStream, streamInfo } from './streams';

/** How often the keeper checks streams: that they exist, their settings, and their size, for the log of a loss. */
const CHECK_MS = 5_000;
/** A check is about so many streams, those first that were not checked for the longest time. */
const MIN_CHECKED = 20;
/** With many streams, each is checked in one of so many checks. */
const ROUND = 6;
const RETRY_MS = 1_000;

/** A stream, and the settings that somebody has changed on the server: the present value, then that of the config. */
export interface DriftedStream {
  readonly stream: string;
  readonly drift: readonly string[];
}

/**
 * Restores streams that were deleted, because a server may return without its data, and an operator may delete a stream
 * under a running host. Checks each stream after each reconnect and every 5 s, or every 30 s where there are many, with
 * one request a stream for all handlers that need it. A stream that is gone, or was replaced, is created again and
 * logged as lost, unless `jetplug apply` has deleted it. Settings that somebody has changed are put back.
 */
export class StreamKeeper {
  private readonly entries = new Map<string, KeptStream>();
  /** Requests for a stream's creation time that wait for their turn, by stream. */
  private readonly queued = new Map<string, Promise<string>>();
  /** The last request for a stream's creation time, by stream. */
  private readonly requested = new Map<string, Promise<string>>();
  private timer: NodeJS.Timeout | undefined;
  private isChecking = false;
  private unwatch = (): void => undefined;
  private readonly stopping = new AbortController();

  constructor(
    private readonly connection: Connection,
    private readonly log: Logger,
    private readonly policy: KeeperPolicy = ALONE,
  ) {}

  start(): void {
    this.unwatch = this.connection.onReconnect(() => this.entries.forEach((entry) => this.startCheck(entry)));
    this.timer = setInterval(() => void this.checkAll(), CHECK_MS).unref();
  }

  /** The streams that are lost and not restored yet. */
  get missing(): string[] {
    return [...this.entries.values()].filter((entry) => entry.missing).map(({ name }) => name);
  }

  /** The streams whose settings somebody has changed, and that are not put back. */
  get drifted(): DriftedStream[] {
    return [...this.entries.values()].flatMap(({ name: stream, drift }) => (drift.length > 0 ? { stream, drift } : []));
  }

  /** Keeps a stream, which exists now. Returns a function that ends the keeping. */
  async add(stream: RequiredStream): Promise<() => void> {
    const { name } = stream;
    const info = await streamInfo(this.connection, name);
    const entry = this.entries.get(name) ?? new KeptStream(name, info);
    this.entries.set(name, entry);
    entry.users.add(stream);
    // The first look notes whose the stream is, so that a mark that is removed later is found.
    stream.driftOf?.(info);
    return () => {
      entry.users.delete(stream);
      if (entry.users.size === 0) this.entries.delete(name);
    };
  }

  /** Checks the stream again, at most once a second. Call it when a request has found no stream. */
  checkSoon(name: string): void {
    const entry = this.entries.get(name);
    if (entry && performance.now() - entry.checkedAtMs > RETRY_MS) this.startCheck(entry);
  }

  /** Resolves when no check of these streams is running. */
  async whenChecked(...names: string[]): Promise<void> {
    for (const name of names) await this.entries.get(name)?.checking;
  }

  /**
   * Reads when the stream was created. Many handlers call this method at a time, so they share one request, which is
   * sent in the next turn of the event loop and after the previous request has ended.
   */
  createdAt(name: string): Promise<string> {
    const shared = this.queued.get(name);
    if (shared) return shared;
    const turn = new Promise((resolve) => setImmediate(resolve));
    const request = Promise.allSettled([turn, this.requested.get(name)]).then(async () => {
      this.queued.delete(name);
      const { created } = await streamInfo(this.connection, name);
      // The stream was replaced, so its owner is checked before the next reconnect.
      if (created !== this.entries.get(name)?.created) this.checkSoon(name);
      return created;
    });
    this.queued.set(name, request);
    this.requested.set(name, request);
    return request;
  }

  stop(): void {
    this.stopping.abort();
    this.unwatch();
    clearInterval(this.timer);
  }

  private startCheck(entry: KeptStream): void {
    if (entry.checking) {
      entry.again = true;
      return;
    }
    entry.checking = this.check(entry).finally(() => {
      entry.checkedAtMs = performance.now();
      entry.checking = undefined;
      // The connection was lost and restored during the check.
      if (entry.again) this.startCheck(entry);
    });
  }

  /**
   * Checks and restores the stream, with a try each second. Ends when there is no connection, because the reconnect
   * starts another check.
   */
  private async check(entry: KeptStream): Promise<void> {
    entry.again = false;
    const restore = async (): Promise<void> => {
      if (!this.connection.connected) return;
      await this.restore(entry);
      entry.missing = false;
    };
    await retryUntil(restore, {
      waitMs: RETRY_MS,
      stop: this.stopping.signal,
      failed: (error) => {
        const level = error instanceof LeftToOthers ? 'debug' : 'warn';
        this.log[level]('cannot check or restore a stream yet; retrying', { stream: entry.name, err: error });
      },
    });
  }

  private async restore(entry: KeptStream): Promise<void> {
    const found = await findStream(this.connection, entry.name);
    if (found?.created === entry.created) return this.take(entry, found);
    if (!entry.missing) await noteLoss(entry, this.policy, this.log);
    if (!(await mayCreate(entry, found !== undefined, this.policy)))
      throw new LeftToOthers('a newer configuration decides about it');
    // A stream that exists may belong to another host or to another application. In the second case `create` refuses
    // it.
    await [...entry.users][0]?.create();
    const created = await findStream(this.connection, entry.name);
    if (!created) throw new Error('the stream was created and is gone again');
    entry.note(created);
  }

  /** Notes the state of a stream that exists, and puts back its settings where somebody has changed them. */
  private async take(entry: KeptStream, found: StreamInfo): Promise<void> {
    entry.note(found);
    const [user] = entry.users;
    if (!user?.driftOf) return;
    const before = entry.drift;
    entry.drift = user.driftOf(found);
    const isNew = entry.drift.join() !== before.join();
    if (entry.drift.length === 0) {
      if (isNew) this.log.info('a stream has the settings of the config again', { stream: entry.name });
      return;
    }
    const changes = { stream: entry.name, changes: entry.drift };
    if (!(await this.policy.repairs())) {
      if (isNew) this.log.warn('the settings of a stream were changed on the server; they are kept', changes);
      return;
    }
    try {
      await user.create();
      entry.drift = user.driftOf(await streamInfo(this.connection, entry.name));
      if (entry.drift.length === 0) this.log.warn('the settings of a stream are put back', changes);
      else if (isNew) this.log.warn('the settings of a stream are not put back', changes);
    } catch (error) {
      if (isNew) this.log.warn('the settings of a stream cannot be put back', { ...changes, err: error });
    }
  }

  private async checkAll(): Promise<void> {
    if (this.isChecking) return;
    this.isChecking = true;
    await this.checkSome().finally(() => (this.isChecking = false));
  }

  private async checkSome(): Promise<void> {
    const count = Math.max(MIN_CHECKED, Math.ceil(this.entries.size / ROUND));
    const entries = [...this.entries.values()].sort((a, b) => a.notedAtMs - b.notedAtMs).slice(0, count);
    for (const entry of entries) {
      if (!this.connection.connected || this.stopping.signal.aborted) return;
      if (entry.checking) continue;
      try {
        const found = await findStream(this.connection, entry.name);
        if (found?.created === entry.created) await this.take(entry, found);
        else this.startCheck(entry);
      } catch (error) {
        // The numbers of the last check stay as they are. A request that needs the stream reports more.
        this.log.debug('cannot read the state of a stream', { stream: entry.name, err: error });
      }
    }
  }
}

/** The stream is missing, and this host leaves it to others to create it. */
class LeftToOthers extends Error {}
