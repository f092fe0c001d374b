import { Limiter } from '../base/limiter';
import { machineTime, type Time } from '../base/time';
import type { DurablePull, PullSink } from '../broker/pull';
import type { OutgoingEvent } from '../broker/ports';
import { RETRY_STREAM } from '../broker/stream-state';
import type { Config } from '../config/config';
import { Sweep } from '../message/intake/sweep';
import { CommitLogs } from '../plugin/commit-logs';
import type { PluginHost } from '../plugin/plugin-host';
import { ADOPTED } from '../records/commits/adoptions';
import { CheckpointStore, type Checkpoint } from '../records/commits/checkpoint';
import { decodeCommit, type RunChanges } from '../records/commits/commit';
import type { CommitLog } from '../records/commits/commit-log';
import { Recorder } from '../records/runs/recorder';
import type { RunRecord } from '../records/runs/run-record';
import { MemoryBroker } from '../testing/memory-broker';
import type { CapturedLog } from './captured-log';
import type { EffectRun, Effects, ReplayedEvent, StoreChange } from './effect-run';
import type { ReplayConfig } from './replay-protocol';
import { ReplayPull } from './replay-pull';

/** The commit by which the store has its values before the run. */
const BEFORE: Checkpoint = {
  filled: 1,
  revision: 1,
  folded: 1,
  parts: { unsent: [], left: [], parts: [], adopted: [], settled: [], claims: [] },
};

/**
 * The services of a host for one run of one plugin: streams, the store and its commit log are in memory, and the only
 * delivery is the event of the run. It captures the effects of the run.
 */
export class ReplayHost {
  readonly services: PluginHost;
  /** Resolves when the run has ended. */
  readonly recorded: Promise<RunRecord>;
  private readonly before: ReadonlyMap<string, string>;
  private published: OutgoingEvent[] = [];
  /** The position of the last commit before the run. */
  private begins: number = BEFORE.filled;

  private constructor(
    private readonly plugin: string,
    private readonly broker: ReplayBroker,
    { store }: EffectRun,
    readonly log: CapturedLog,
    config: ReplayConfig,
    time: Time,
  ) {
    this.before = new Map(store);
    let ended: (record: RunRecord) => void;
    this.recorded = new Promise((resolve) => (ended = resolve));
    this.services = this.servicesWith(config, time, (record) => ended(record));
  }

  /** @param log keeps the lines that the plugin logs */
  static async open(plugin: string, run: EffectRun, config: ReplayConfig, log: CapturedLog): Promise<ReplayHost> {
    const time = timeFrom(run.startsAtMs);
    const broker = new ReplayBroker(run.event, config, time);
    const bucket = broker.bucket(`jetplug-${plugin}`);
    for (const [key, text] of run.store) await bucket.put(key, text, undefined, BEFORE.filled);
    await new CheckpointStore(bucket).write(BEFORE);
    await broker.openLog(plugin, BEFORE.filled);
    return new ReplayHost(plugin, broker, run, log, config, time);
  }

  /** Forgets the effects so far, which are those of the plugin's start. */
  async begin(): Promise<void> {
    this.begins = (await (await this.commitLog()).bounds()).last;
    this.published = [];
  }

  /** Returns the effects of the run that has ended. */
  async effects(record: RunRecord): Promise<Effects> {
    const { outcome, verdict, delayMs, reason, error, ranMs } = record;
    const runs = await this.committedRuns();
    return {
      outcome,
      verdict,
      ...(delayMs !== undefined && { delayMs }),
      ...(reason !== undefined && { reason }),
      ...(error && { error }),
      ranMs,
      changes: this.changesOf(runs),
      events: this.published,
      hasAfterCommit: runs.some(({ hasWork }) => hasWork),
      log: this.log.lines,
      logLeft: this.log.left,
    };
  }

  private servicesWith(config: ReplayConfig, time: Time, ended: (record: RunRecord) => void): PluginHost {
    const { broker, log } = this;
    return {
      // No part of a plugin's life reads the settings of the server.
      config: config as Config,
      log,
      time,
      clock: { now: () => new Date(time.epochMs()) },
      broker,
      streams: config.streams.map((stream) => ({ ...stream, change: 'unmanaged', messages: 0 })),
      records: broker.bucket('jetplug'),
      commits: new CommitLogs({ broker, time, log }),
      outgoing: { ...broker.outgoing, send: (event) => this.send(event) },
      deadLetters: broker.deadLetters,
      retryQueue: broker.retryQueue,
      retryNotifier: { on: () => () => undefined },
      recorder: new Recorder({ isSampled: () => true, add: ended }, { isWatched: false, add: () => undefined }),
      sweep: new Sweep(time),
      suspects: new Limiter(1),
      claim: () => undefined,
    };
  }

  private async send(event: OutgoingEvent): Promise<{ readonly duplicate: boolean }> {
    const result = await this.broker.outgoing.send(event);
    if (!result.duplicate) this.published.push(event);
    return result;
  }

  private async commitLog(): Promise<CommitLog> {
    return (await this.broker.findLog(this.plugin))!;
  }

  private async committedRuns(): Promise<RunChanges[]> {
    const runs: RunChanges[] = [];
    const log = await this.commitLog();
    const { last } = await log.bounds();
    for (let position = this.begins; position < last;) {
      for (const commit of await log.readAfter(position)) {
        ({ position } = commit);
        runs.push(...decodeCommit(commit.text).runs.filter(({ origin }) => origin.handler !== ADOPTED));
      }
    }
    return runs;
  }

  private changesOf(runs: readonly RunChanges[]): StoreChange[] {
    const after = new Map<string, string | null>();
    for (const { writes } of runs) for (const [key, text] of writes) after.set(key, text);
    return [...after]
      .map(([key, text]): StoreChange => ({ key, before: this.before.get(key) ?? null, after: text }))
      .filter(({ before, after: now }) => before !== now);
  }
}

/** A broker in memory that delivers one event, to the handler whose durable is on the stream of the event. */
class ReplayBroker extends MemoryBroker {
  constructor(
    private readonly event: ReplayedEvent,
    config: ReplayConfig,
    time: Time,
  ) {
    super(config, time);
  }

  override pull(stream: string, durable: string, sink: PullSink): DurablePull {
    return stream === RETRY_STREAM ? super.pull(stream, durable, sink) : new ReplayPull(this.event, sink);
  }
}

/** Returns a time that starts at this moment and runs as fast as the machine's. */
function timeFrom(epochMs: number): Time {
  const offsetMs = epochMs - machineTime.epochMs();
  return { ...machineTime, epochMs: () => machineTime.epochMs() + offsetMs };
}
