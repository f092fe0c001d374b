import type { Time, Timer } from '../../base/time';
import type { PartedLog } from '../../log/log';
import type { Connection } from '../../nats/connection';
import type { Subscription } from '../../nats/service';
import type { LiveMessages } from '../api';
import type { JobFeed } from '../job-feed';
import type { Collector } from './collector';
import { eventText, HEARTBEAT, type EventStream } from './event-stream';
import { RunSamples } from './run-samples';

export interface LiveFeedOptions {
  readonly connection: Connection;
  readonly collector: Pick<Collector, 'overview'>;
  readonly jobs: JobFeed;
  readonly log: Pick<PartedLog, 'debug'>;
  readonly time: Time;
}

const READ_EVERY_MS = 1_000;
/** A reading that takes long is costly, so the feed then waits for so many times as long. */
const COST_FACTOR = 4;
const RUNS_EVERY_MS = 1_000;
const WATCH_EVERY_MS = 2_000;
const HEARTBEAT_MS = 15_000;
const MAX_STREAMS = 50;

/** Sends the state of the hosts to all open pages. It works only while a page is open, and once for all of them. */
export class LiveFeed {
  private readonly streams = new Set<EventStream>();
  private readonly samples = new RunSamples();
  private timers: Timer[] = [];
  private next: Timer | undefined;
  private subscription: Subscription | undefined;
  private unlisten: (() => void) | undefined;
  /** The last overview, and the broker's absence, as a page that opens now gets them. */
  private lastText: string | undefined;
  private away: LiveMessages['away'] | undefined;

  constructor(private readonly options: LiveFeedOptions) {}

  /** Whether another page may open. */
  get hasRoom(): boolean {
    return this.streams.size < MAX_STREAMS;
  }

  /** Sends to a stream until the returned function is called. */
  add(stream: EventStream): () => void {
    this.streams.add(stream);
    if (this.streams.size === 1) this.start();
    else {
      if (this.lastText !== undefined) stream.send(this.lastText);
      if (this.away) stream.send(eventText('away', this.away));
    }
    return () => {
      if (this.streams.delete(stream) && this.streams.size === 0) this.pause();
    };
  }

  /** Ends all streams. */
  stop(): void {
    for (const stream of this.streams) stream.end();
    this.streams.clear();
    this.pause();
  }

  private start(): void {
    const { connection, jobs, time } = this.options;
    this.unlisten = jobs.listen((job) => this.send(eventText('job', job)));
    this.subscription = this.samples.watch(connection);
    this.watchRuns();
    this.timers = [
      time.every(WATCH_EVERY_MS, () => this.watchRuns()),
      time.every(RUNS_EVERY_MS, () => this.sendRuns()),
      time.every(HEARTBEAT_MS, () => this.send(HEARTBEAT)),
    ];
    void this.read();
  }

  private pause(): void {
    this.timers.forEach((timer) => timer.cancel());
    this.next?.cancel();
    this.subscription?.stop();
    this.unlisten?.();
    this.timers = [];
    this.next = this.subscription = this.unlisten = this.lastText = this.away = undefined;
    this.samples.take();
  }

  private watchRuns(): void {
    if (this.options.connection.connected) this.subscription?.ask();
  }

  private sendRuns(): void {
    const sample = this.samples.take();
    if (sample) this.send(eventText('runs', sample));
  }

  /** Reads the hosts and sends the result, again and again until the last page closes. */
  private async read(): Promise<void> {
    const { subscription } = this;
    const { connection, collector, log, time } = this.options;
    const startedMs = time.nowMs();
    let text: string | undefined;
    try {
      if (!connection.connected) throw new Error('the NATS server is not connected');
      text = eventText('overview', await collector.overview());
      this.away = undefined;
    } catch (error) {
      log.debug('the page cannot read the hosts', { err: error });
      text = this.awayText((error as Error).message);
    }
    // All pages were closed meanwhile. If one has opened since, another reading runs for it.
    if (subscription === undefined || this.subscription !== subscription) return;
    if (text !== undefined) this.send(text);
    if (!this.away) this.lastText = text;
    const waitMs = Math.max(READ_EVERY_MS, (time.nowMs() - startedMs) * COST_FACTOR);
    this.next = time.after(waitMs, () => void this.read());
  }

  /** The absence is sent once. */
  private awayText(reason: string): string | undefined {
    if (this.away) return undefined;
    this.away = { since: new Date(this.options.time.epochMs()).toISOString(), reason };
    return eventText('away', this.away);
  }

  private send(text: string): void {
    for (const stream of this.streams) stream.send(text);
  }
}
