import { setImmediate as turn } from 'node:timers/promises';
import type { Duration, EventBus, Publishable, PublishOptions, Store } from '../../sdk';
import {
  durationMs,
  isEventContract,
  JetplugError,
  pluginMark,
  pluginNameOf,
  type Envelope,
  type EventContract,
} from '../../sdk/internal';
import { JetStreamEventBus } from '../effects/event-bus';
import { CommitLogs } from '../plugin/commit-logs';
import { TextStore } from '../effects/text-store';
import type { OutgoingEvent } from '../broker/ports';
import { redriven, summarise, type DeadLetterSummary } from '../ops/dead-letter-summary';
import type { ConsumingHandler } from '../plugin/consume';
import type { RunningPlugin } from '../plugin/running-plugin';
import type { Config } from '../config/config';
import type { Backend } from './backend';
import { HostRun, type CrashPoint } from './host-run';
import { LaterStore } from './later-store';
import { memoryBackend } from './memory-backend';
import { completed, configOf, type AnyPluginClass, type TestHostOptions } from './options';
import { allHeaders, jsonOf } from './raw-payload';
import { RecordingLog, type LogLine } from './recording-log';
import { serverBackend } from './server-backend';
import { TestClock } from './test-clock';
import { TestPlugins } from './test-plugins';
import { unsettled } from './unsettled';

/** The default wait of `settled()`, in the machine's time, because a handler may wait for something real. */
const WITHIN_MS = 4_000;
const WITHIN_ON_SERVER_MS = 20_000;
/** The number of checks in a row that must find nothing, because an event on a server is not pending at once. */
const QUIET_CHECKS = 1;
const QUIET_CHECKS_ON_SERVER = 3;
/**
 * The time that handlers have to finish when the host stops, in the machine's time. After it the kit moves the time of
 * the test, so that the grace ends.
 */
const STOP_MS = 100;

/** A dead letter, with its event as it was published. */
export interface TestLetter extends DeadLetterSummary {
  readonly headers: Readonly<Record<string, string>>;
  /** All values of the headers that have several values. `headers` has the last value of each. */
  readonly repeated?: Readonly<Record<string, readonly string[]>> | undefined;
  /** The payload, byte for byte. */
  readonly payload: Uint8Array;
}

/** An event as it is stored in its stream. */
export type PublishedEvent<E> = Envelope & (E extends string ? Record<string, unknown> : Publishable<E>);

/**
 * Runs plugins as the host does, for a test: in memory and within milliseconds, or on a nats-server of the test's own.
 *
 * ```ts
 * const host = await testHost([BadgePlugin]);
 * await host.publish(VideoWatchStarted, { user_id: 'u1', video_id: 'v1' });
 * await host.settled();
 * expect(host.published(BadgeAwarded)).toMatchObject([{ user_id: 'u1', count: 1 }]);
 * await host.stop();
 * ```
 *
 * @throws JetplugError, or an AggregateError of several, when a plugin does not start
 */
export async function testHost(plugins: readonly AnyPluginClass[], options: TestHostOptions = {}): Promise<TestHost> {
  const log = new RecordingLog();
  const loaded = configOf(options);
  const tested = new TestPlugins(plugins, options);
  const config = completed(loaded, options, tested.describe(loaded));
  const clock = options.clock ?? new TestClock();
  const backend = options.server ? await serverBackend(config, clock, log) : await memoryBackend(config, clock);
  const host = new TestHost(tested, options.server === true, config, backend, log);
  try {
    await host.start();
    return host;
  } catch (error) {
    await host.stop();
    throw error;
  }
}

/** The plugins of a test, running. */
export class TestHost {
  private readonly bus: EventBus;
  private readonly sent: OutgoingEvent[] = [];
  /** The stores as the test sees them. It writes to them as another host does. */
  private readonly stores: CommitLogs;
  private letters: readonly TestLetter[] = [];
  private run!: HostRun;
  private running: readonly RunningPlugin[] = [];
  private commits: CommitLogs | undefined;
  private crashMoment: CrashPoint | undefined;
  /** A promise that settles when the next host run has started, after a crash. */
  private restarting: Promise<void> | undefined;

  /** @internal */ constructor(
    private readonly plugins: TestPlugins,
    private readonly onServer: boolean,
    private readonly config: Config,
    private readonly backend: Backend,
    private readonly log: RecordingLog,
  ) {
    this.bus = new JetStreamEventBus(backend.outgoing, backend.clock);
    this.stores = new CommitLogs({ broker: backend.broker, time: backend.time, log, isFresh: true });
  }

  /** The plugins' `Clock`. In memory, retries and timeouts follow it too. */
  get clock(): TestClock {
    return this.backend.clock;
  }

  /** All log lines of the host and its plugins, oldest first. */
  get logged(): readonly LogLine[] {
    return this.log.lines;
  }

  async start(): Promise<void> {
    const { outgoing } = this.backend;
    const recorded = {
      dropsRepeatsMs: outgoing.dropsRepeatsMs,
      check: (event: OutgoingEvent) => outgoing.check(event),
      send: (event: OutgoingEvent) => this.record(event, outgoing.send(event)),
      idsSince: (subject: string, sinceMs: number) => outgoing.idsSince(subject, sinceMs),
    };
    const run = new HostRun({ ...this.backend, outgoing: recorded }, this.config, this.log, (at) => this.crashNow(at));
    this.run = run;
    const host = run.host();
    this.commits = host.commits;
    const running = (this.running = [] as RunningPlugin[]);
    await this.plugins.start(host, running);
  }

  /** Validates an event by its contract and publishes it. Resolves with the event id when a stream has stored it. */
  async publish<E extends EventContract | string>(
    event: E,
    fields: Publishable<E>,
    options?: PublishOptions,
  ): Promise<string> {
    const id = await this.bus.publish(event, fields, options);
    // In memory a test could otherwise publish everything within one turn, before any timer of the host fires.
    await turn();
    return id;
  }

  /**
   * Publishes a payload without any check, as a program that does not use the SDK could. Text and bytes are sent
   * unchanged, everything else is sent as JSON.
   */
  async publishRaw(
    subject: string,
    payload: unknown,
    headers: Readonly<Record<string, string | readonly string[]>> = {},
  ): Promise<void> {
    const isBytes = payload instanceof Uint8Array;
    const text = isBytes || typeof payload === 'string' ? payload : jsonOf(subject, payload);
    await this.backend.sendRaw({ subject, payload: Buffer.from(text), ...allHeaders(headers) });
  }

  /**
   * Resolves when each event is handled, dead-lettered, or waits for a handler whose circuit is open. In memory, the
   * time moves to each retry and `RetryLater` as soon as no handler runs, and stands still while one runs.
   *
   * @param options `within`: how long to wait, in the machine's time. Default 4 s; on a server 20 s
   * @throws JetplugError `JP_TEST_UNSETTLED` with the unsettled events, when that time is up
   */
  async settled({ within }: { readonly within?: Duration } = {}): Promise<void> {
    const limitMs =
      within === undefined ? (this.onServer ? WITHIN_ON_SERVER_MS : WITHIN_MS) : durationMs(within, 'within');
    const startedAtMs = performance.now();
    let quietChecks = 0;
    for (;;) {
      await this.restarting;
      const left = this.restarting
        ? ['a host that is starting again']
        : await unsettled(this.running, this.backend.broker);
      quietChecks = left.length === 0 ? quietChecks + 1 : 0;
      if (quietChecks > (this.onServer ? QUIET_CHECKS_ON_SERVER : QUIET_CHECKS)) break;
      const isBusy = left.length === 0 || this.handlers.some(({ running }) => running > 0);
      const canContinue = await this.backend.next(isBusy);
      if (left.length === 0 || (canContinue && performance.now() - startedAtMs < limitMs)) continue;
      throw new JetplugError('JP_TEST_UNSETTLED', left.join('; '));
    }
    this.letters = (await this.backend.letters()).map((letter) => ({ ...letter, ...summarise(letter) }));
  }

  /**
   * Returns the published events: all, or those of one contract or subject. Omits duplicates that the stream dropped.
   */
  published<E extends EventContract | string>(event?: E): PublishedEvent<E>[] {
    const subject = isEventContract(event) ? event.subject : event;
    return this.sent
      .filter((each) => subject === undefined || each.subject === subject)
      .map(({ payload }) => JSON.parse(payload) as PublishedEvent<E>);
  }

  /** Returns a plugin's store, to read and fill. A change here does not count as an effect of a handler. */
  store<T = unknown>(plugin: AnyPluginClass): Store<T> {
    const name = nameOf(plugin);
    const log = this.stores.get(name) ?? this.stores.enter(name);
    return new LaterStore<T>(
      name,
      log.openTexts().then((texts) => new TextStore<T>(texts)),
    );
  }

  /** Returns the dead letters, oldest first, as of the last `settled()`. */
  deadLetters(): readonly TestLetter[] {
    return this.letters;
  }

  /** Sends a dead letter's event to the handler that failed. The letter is removed when the event is handled. */
  async redrive(letter: TestLetter): Promise<void> {
    await this.backend.retryQueue.defer(redriven(letter));
  }

  /** Stops all plugins as a host does, and starts them again on the same streams and stores. */
  async restart(): Promise<void> {
    await this.drain();
    await this.start();
  }

  /**
   * Kills the host, so that nothing that its handlers still do has an effect. Another host starts in its place.
   * Unsettled events are redelivered after `delivery.ackWait`.
   */
  async crash(): Promise<void> {
    await this.run.die();
    await this.start();
  }

  /**
   * Kills the host just before its next ack. The event is then handled and its effects are stored, but it is not
   * acknowledged.
   */
  crashBeforeAck(): void {
    this.crashAt('before-ack');
  }

  /** Kills the host at the next such moment. */
  crashAt(moment: CrashPoint): void {
    this.crashMoment = moment;
  }

  /** Stops the plugins, and the server if the test has one. */
  async stop(): Promise<void> {
    await this.restarting;
    await this.drain();
    this.stores.leaveAll();
    await this.stores.closed();
    await this.backend.stop();
  }

  private get handlers(): readonly ConsumingHandler[] {
    return this.running.flatMap(({ handlers }) => handlers);
  }

  private async record(event: OutgoingEvent, sending: Promise<{ readonly duplicate: boolean }>) {
    const result = await sending;
    if (!result.duplicate) this.sent.push(event);
    return result;
  }

  private crashNow(at: CrashPoint): boolean {
    if (this.crashMoment !== at) return false;
    this.crashMoment = undefined;
    this.restarting = this.crash().finally(() => (this.restarting = undefined));
    return true;
  }

  private async drain(): Promise<void> {
    const drained = { yet: false };
    const startedAtMs = performance.now();
    const ending = Promise.all(this.running.map((plugin) => plugin.stop()))
      .then(() => this.plugins.stop(this.log))
      .then(() => this.commits?.closed())
      .finally(() => (drained.yet = true));
    while (!drained.yet) await this.backend.next(performance.now() - startedAtMs < STOP_MS);
    await ending;
    this.running = [];
    await this.run.die();
  }
}

function nameOf(plugin: AnyPluginClass): string {
  return pluginMark(plugin)?.options.name ?? pluginNameOf(plugin.name);
}
