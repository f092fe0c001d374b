import type { Time } from '../../base/time';
import type { Config } from '../../config/config';
import type { Connection } from '../../nats/connection';
import { findStream } from '../../nats/streams';
import { hostStatuses } from '../../ops/host-status';
import { mergeStatuses } from '../../ops/merge-statuses';
import type { Overview } from '../api';
import { LagTrend } from './lag-trend';
import { LetterArrivals, type LetterCount } from './letter-arrivals';
import { problemsOf } from './problems';
import { livePlugins, type Reading } from './rates';

export interface CollectorOptions {
  readonly connection: Connection;
  readonly config: Config;
  readonly time: Time;
}

/** Requests within this time get the same reading. */
const FRESH_MS = 900;
/** Rates are not computed from a reading that is older than this. */
const COMPARABLE_MS = 10_000;

/** Asks the hosts how they are. All clients share one reading. */
export class Collector {
  private last: { readonly overview: Overview; readonly atMs: number } | undefined;
  private before: Reading | undefined;
  private running: Promise<Overview> | undefined;
  private readonly lags = new LagTrend();
  private readonly arrivals = new LetterArrivals();

  constructor(private readonly options: CollectorOptions) {}

  /** Reads the overview, unless it has just been read. Rejects while the broker does not answer. */
  overview(): Promise<Overview> {
    const { last } = this;
    if (last && this.options.time.nowMs() - last.atMs < FRESH_MS) return Promise.resolve(last.overview);
    this.running ??= this.read().finally(() => (this.running = undefined));
    return this.running;
  }

  private async read(): Promise<Overview> {
    const { connection, time } = this.options;
    const [hosts, letters] = await Promise.all([hostStatuses(connection), this.letters()]);
    const nowMs = time.nowMs();
    const reading = { atMs: nowMs, plugins: mergeStatuses(hosts.map(({ plugins }) => plugins)) };
    const isComparable = this.before && nowMs - this.before.atMs < COMPARABLE_MS;
    const plugins = livePlugins(reading, isComparable ? this.before : undefined);
    this.before = reading;
    const epochMs = time.epochMs();
    const situation = {
      ...{ hosts, plugins },
      fallingBehind: this.lags.note(plugins, nowMs),
      deadLetters: this.arrivals.note(letters, epochMs),
    };
    const overview: Overview = {
      at: new Date(epochMs).toISOString(),
      server: { url: connection.server, version: connection.version },
      hosts: hosts.map(({ host }) => host),
      plugins,
      deadLetters: letters.messages,
      problems: problemsOf(situation, epochMs),
    };
    this.last = { overview, atMs: nowMs };
    return overview;
  }

  private async letters(): Promise<LetterCount> {
    const { connection, config } = this.options;
    const info = await findStream(connection, config.deadLetters.stream);
    if (!info) return { messages: 0, lastSequence: 0, lastAtMs: 0 };
    const { messages, last_seq: lastSequence, last_ts: lastTime } = info.state;
    return { messages, lastSequence, lastAtMs: Date.parse(lastTime) };
  }
}
