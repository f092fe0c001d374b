import { randomUUID } from 'node:crypto';
import { isJetplugError, type JetplugError } from '../../sdk/internal';
import { LogThrottle } from '../base/log-throttle';
import type { Time } from '../base/time';
import type { PluginBroker } from '../broker/plugin-broker';
import { LogTexts } from '../effects/log-texts';
import type { StoreTexts } from '../effects/text-store';
import type { PartedLog } from '../log/log';
import type { PluginCommits } from '../message/plugin-commits';
import { CheckpointStore, positionsBefore } from '../records/commits/checkpoint';
import type { SettledEvents } from '../records/commits/added-handlers';
import { PluginLog } from '../records/commits/plugin-log';

export interface CommitLogsOptions {
  readonly broker: PluginBroker;
  readonly time: Time;
  readonly log: PartedLog;
  /** For how long commits stay in the logs when the buckets have them. Default: for ever. */
  readonly historyMs?: number;
  /** Identifies this start of the host. Default: a random id. */
  readonly host?: string;
  /** Whether a read outside of a handler first reads what other hosts have committed. Default false. */
  readonly isFresh?: boolean;
}

const REPORT_AGAIN_MS = 60_000;

/** The commit logs of the plugins in this host. All versions of a plugin share one. */
export class CommitLogs {
  /** Identifies this start of the host, in its commits and in its marks of runs. */
  readonly host: string;
  private readonly logs = new Map<string, PluginCommitLog>();
  private readonly closing = new Set<Promise<void>>();

  constructor(private readonly options: CommitLogsOptions) {
    this.host = options.host ?? randomUUID();
  }

  /** Returns a plugin's log, which is closed when all users have left it. */
  enter(plugin: string): PluginCommitLog {
    const log = this.logs.get(plugin) ?? new PluginCommitLog(plugin, this.host, this.options);
    this.logs.set(plugin, log);
    log.users++;
    return log;
  }

  /** Leaves the log. Call it once for each {@link enter}. */
  leave(log: PluginCommitLog): void {
    if (--log.users > 0) return;
    this.logs.delete(log.plugin);
    const closed = log.close().finally(() => this.closing.delete(closed));
    this.closing.add(closed);
  }

  /** Leaves all logs, however often they were entered. */
  leaveAll(): void {
    for (const log of this.logs.values()) {
      log.users = 1;
      this.leave(log);
    }
  }

  /** Returns a plugin's log; undefined if nobody uses it. */
  get(plugin: string): PluginCommitLog | undefined {
    return this.logs.get(plugin);
  }

  /** The plugins whose commits, or whose bucket, wait, with the reasons. */
  get problems(): { readonly plugin: string; readonly reason: string }[] {
    return [...this.logs.values()].flatMap(({ plugin, log }) => {
      const reason = log?.problem;
      return reason === undefined ? [] : [{ plugin, reason }];
    });
  }

  /** Resolves when all logs that were left are closed. */
  async closed(): Promise<void> {
    await Promise.all(this.closing);
  }
}

/** The commit log of one plugin. It is created at the first change or publish of a handler. */
export class PluginCommitLog implements PluginCommits {
  log: PluginLog | undefined;
  users = 0;
  /** Why no run of the plugin is committed by this host; undefined if the log can be used, or was not opened yet. */
  failure: JetplugError | undefined;
  /** The settled events of the handlers, by durable. Those of a handler's new version replace those of the one before. */
  private readonly settlements = new Map<string, SettledEvents>();
  /** The durables of the handlers that run on several hosts at a time. */
  private readonly shared = new Set<string>();
  private readonly leaves: (() => void)[] = [];
  private opening: Promise<PluginLog> | undefined;
  private texts: StoreTexts | undefined;

  constructor(
    readonly plugin: string,
    private readonly host: string,
    private readonly options: CommitLogsOptions,
  ) {}

  /** Opens the log if it exists. */
  async find(): Promise<PluginLog | undefined> {
    if (!this.log && (await this.hasCommits())) await this.open();
    return this.log;
  }

  async refresh(): Promise<void> {
    await (await this.find())?.refresh();
  }

  /** Opens the log. Only one attempt runs at a time; after a failure, the next use tries again. */
  open(): Promise<PluginLog> {
    if (this.log) return Promise.resolve(this.log);
    return (this.opening ??= this.create().finally(() => (this.opening = undefined)));
  }

  /** Whether an event has left its stream as a dead letter that may not be stored yet. */
  async needsLetter({ durable, streamIncarnation }: SettledEvents, sequence: number): Promise<boolean> {
    await this.refresh();
    return this.log?.sent.departureOf({ durable, incarnation: streamIncarnation, sequence })?.to === 'dead-letter';
  }

  /** Opens the plugin's store. */
  async openTexts(): Promise<StoreTexts> {
    await this.open();
    return this.texts!;
  }

  /** Adds a handler's settled events, to which commits of any host add. */
  add(settlements: SettledEvents, { isShared = false } = {}): void {
    const { durable } = settlements;
    this.settlements.set(durable, settlements);
    this.log?.add(settlements);
    if (isShared) this.shared.add(durable);
    else this.shared.delete(durable);
    if (isShared) this.log?.folded.claims.free(durable);
  }

  async close(): Promise<void> {
    // An opening that is under way is closed when it is done.
    await this.opening?.catch(() => undefined);
    await this.log?.close();
    this.log = undefined;
    for (const leave of this.leaves.splice(0)) leave();
  }

  /** Whether the plugin has a log, or had one, which the server has lost while no host ran. */
  private async hasCommits(): Promise<boolean> {
    const { broker } = this.options;
    if (!(await broker.mayHaveStore(this.plugin))) return false;
    if (await broker.findLog(this.plugin)) return true;
    const bucket = await broker.findStore(this.plugin);
    return bucket !== undefined && (await new CheckpointStore(bucket).read()) !== undefined;
  }

  private leaveLater<T extends { leave(): void }>(opened: T): T {
    this.leaves.push(() => opened.leave());
    return opened;
  }

  private async create(): Promise<PluginLog> {
    const { plugin, host, options } = this;
    const { broker, time } = options;
    const above = (await broker.findLog(plugin)) ? 0 : await positionsBefore(await broker.findStore(plugin));
    const [{ bucket }, { log }] = await Promise.all([
      broker.openStore(plugin).then((store) => this.leaveLater(store)),
      broker.openLog(plugin, above).then((opening) => this.leaveLater(opening)),
    ]);
    const about = options.log.child({ plugin });
    const throttle = new LogThrottle(REPORT_AGAIN_MS, () => time.nowMs());
    const opened = new PluginLog({
      host,
      log,
      bucket,
      time,
      ...(options.historyMs !== undefined && { historyMs: options.historyMs }),
      trouble: (message, error) => {
        if (throttle.note(`${message} ${String(error)}`) !== undefined) about.warn(message, { err: error });
      },
      lost: (error) => about.error('committed values are lost', { err: error }),
      halted: (error) => {
        this.failure = error;
        about.error('the commit log of the plugin cannot be used any more', { err: error });
      },
    });
    // The record of the settled events is read, because without a log other hosts have settled events without a commit.
    for (const settlements of this.settlements.values()) opened.add(settlements);
    try {
      await opened.open();
    } catch (error) {
      if (isFinal(error)) this.failure = error;
      for (const leave of this.leaves.splice(0)) leave();
      throw error;
    }
    // Adds those of handlers that have started meanwhile.
    for (const settlements of this.settlements.values()) opened.add(settlements);
    for (const durable of this.shared) opened.folded.claims.free(durable);
    this.failure = undefined;
    this.texts = new LogTexts(opened, bucket, () => time.epochMs(), options.isFresh);
    return (this.log = opened);
  }
}

/** Whether another attempt to open the log fails in the same way, until somebody mends the log. */
function isFinal(error: unknown): error is JetplugError {
  return isJetplugError(error) && error.code.startsWith('JP_LOG_');
}
