import { setImmediate as turn } from 'node:timers/promises';
import { Store, type EventBus, type Duration, type Publishable, type PublishOptions } from '../../sdk';
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
import { KvStore } from '../effects/bucket-texts';
import { refuseNotJson, toJson } from '../effects/publishable';
import type { AllHeaders } from '../broker/headers';
import type { OutgoingEvent } from '../broker/ports';
import { redriven, summarise, type DeadLetterSummary } from '../ops/dead-letter-summary';
import type { ConsumingHandler } from '../plugin/consume';
import { describe } from '../load/describe';
import { runPlugin } from '../plugin/run-plugin';
import type { RunningPlugin } from '../plugin/running-plugin';
import type { Config } from '../config/config';
import type { Backend } from './backend';
import { HostRun } from './host-run';
import { memoryBackend } from './memory-backend';
import { asCompiled, completed, configOf, type AnyPluginClass, type TestHostOptions } from './options';
import { RecordingLog, type LogLine } from './recording-log';
import { serverBackend } from './server-backend';
import { TestClock } from './test-clock';
import { retryQueueDurable } from '../broker/retry-queue';

/** How long `settled()` waits, in the machine's time; a handler may wait for something real. */
const WITHIN_MS = 4_000;
const WITHIN_ON_SERVER_MS = 30_000;
/** On a server what is published is not pending at once. */
const QUIET_LOOKS_ON_SERVER = 3;
/** How long handlers may finish when the host stops, in the machine's time; then the time moves, and with it the grace ends. */
const STOP_MS = 100;

/** A dead letter, with the event as it came. */
export interface TestLetter extends DeadLetterSummary {
  readonly headers: Readonly<Record<string, string>>;
  /** All values of the headers that have several, of which `headers` has the last. */
  readonly repeated?: Readonly<Record<string, readonly string[]>> | undefined;
  /** The payload, byte for byte. */
  readonly payload: Uint8Array;
}

/** An event as it lies in its stream. */
export type PublishedEvent<E> = Envelope & (E extends string ? Record<string, unknown> : Publishable<E>);

/**
 * Runs plugins as the host does, for a test: with no server and in milliseconds, or on a server of its own.
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
  const config = completed(
    loaded,
    options,
    plugins.map((cls) => describe(asCompiled(cls), loaded)),
  );
  const clock = options.clock ?? new TestClock();
  const backend = options.server ? await serverBackend(config, clock, log) : await memoryBackend(config, clock, log);
  const host = new TestHost(plugins, options.server === true, config, backend, log);
  try {
    await host.start();
    return host;
  } catch (error) {
    await host.stop();
    throw error;
  }
}

/** The plugins of a test, and what the test may do to them and see of them. */
export class TestHost {
  private readonly bus: EventBus;
  private readonly sent: OutgoingEvent[] = [];
  private letters: readonly TestLetter[] = [];
  private run!: HostRun;
  private running: readonly RunningPlugin[] = [];
  private diesAtAck = false;
  /** The next life, while it begins. */
  private reviving: Promise<void> | undefined;

  constructor(
    private readonly plugins: readonly AnyPluginClass[],
    private readonly onServer: boolean,
    private readonly config: Config,
    private readonly backend: Backend,
    private readonly log: RecordingLog,
  ) {
    this.bus = new JetStreamEventBus(backend.outgoing, backend.clock);
  }

  /** The time that the plugins live in. */
  get clock(): TestClock {
    return this.backend.clock;
  }

  /** What the host and its plugins have logged. */
  get logged(): readonly LogLine[] {
    return this.log.lines;
  }

  async start(): Promise<void> {
    const { outgoing } = this.backend;
    const recorded = {
      dropsRepeatsMs: outgoing.dropsRepeatsMs,
      send: (event: OutgoingEvent) => this.record(event, outgoing.send(event)),
      idsSince: (subject: string, sinceMs: number) => outgoing.idsSince(subject, sinceMs),
    };
    const run = new HostRun({ ...this.backend, outgoing: recorded }, this.config, this.log, () => this.dyingNow());
    this.run = run;
    const host = run.host();
    const running: RunningPlugin[] = [];
    this.running = running;
    for (const cls of this.plugins) running.push(await runPlugin(asCompiled(cls), host));
  }

  /** Publishes an event, checked against its contract; resolves with its id when a stream has it. */
  async publish<E extends EventContract | string>(
    event: E,
    fields: Publishable<E>,
    options?: PublishOptions,
  ): Promise<string> {
    const id = await this.bus.publish(event, fields, options);
    // In memory all of it could happen within one turn: nothing that the host does now and then would be done.
    await turn();
    return id;
  }

  /** Publishes any payload, as a program without the SDK may: text and bytes as they are, all else as JSON. */
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
   * Resolves when each event is handled, dead-lettered, or waits for a handler whose circuit is open. In memory the
   * time moves meanwhile: to each retry and `RetryLater` as soon as no handler runs. While one runs it stands still.
   *
   * @param options `within`: how long to wait for handlers that wait for something real. Default 4 s; on a server 30 s
   * @throws JetplugError `JP_TEST_UNSETTLED` with what is left, when that time is up
   */
  async settled({ within }: { readonly within?: Duration } = {}): Promise<void> {
    const limitMs =
      within === undefined ? (this.onServer ? WITHIN_ON_SERVER_MS : WITHIN_MS) : durationMs(within, 'within');
    const startedAtMs = performance.now();
    let quietLooks = 0;
    for (;;) {
      await this.reviving;
      const left = this.reviving ? ['a host that begins anew'] : await this.unsettled();
      quietLooks = left.length === 0 ? quietLooks + 1 : 0;
      if (quietLooks > (this.onServer ? QUIET_LOOKS_ON_SERVER : 1)) break;
      const isBusy = left.length === 0 || this.handlers.some(({ running }) => running > 0);
      const goesOn = await this.backend.next(isBusy);
      if (left.length === 0 || (goesOn && performance.now() - startedAtMs < limitMs)) continue;
      throw new JetplugError('JP_TEST_UNSETTLED', left.join('; '));
    }
    this.letters = (await this.backend.letters()).map((letter) => ({ ...letter, ...summarise(letter) }));
  }

  /** What plugins have published: all of it, or that of one contract or subject; repeats that the stream dropped left out. */
  published<E extends EventContract | string>(event?: E): PublishedEvent<E>[] {
    const subject = isEventContract(event) ? event.subject : event;
    return this.sent
      .filter((each) => subject === undefined || each.subject === subject)
      .map(({ payload }) => JSON.parse(payload) as PublishedEvent<E>);
  }

  /** A plugin's store, to be read and to be filled; what is changed here is no handler's effect. */
  store<T = unknown>(plugin: AnyPluginClass): Store<T> {
    return new LaterStore<T>(this.backend.bucket(nameOf(plugin)).then((bucket) => new KvStore<T>(bucket)));
  }

  /** The dead letters, oldest first, as of the last `settled()`. */
  deadLetters(): readonly TestLetter[] {
    return this.letters;
  }

  /** Sends a dead letter's event back to the handler that failed; once it is handled, the letter is gone. */
  async redrive(letter: TestLetter): Promise<void> {
    await this.backend.retryQueue.defer(redriven(letter));
  }

  /** Ends all plugins as a host that stops, and starts them again on what is stored. */
  async restart(): Promise<void> {
    await this.drain();
    await this.start();
  }

  /** The host dies where it stands: nothing that its handlers still do has an effect. Another one takes its place, and what was not settled comes again after `delivery.ackWait`. */
  async crash(): Promise<void> {
    await this.run.die();
    await this.start();
  }

  /** The host dies in this way when it is about to acknowledge the next event: handled, its effects stored, and not known to be. */
  crashBeforeAck(): void {
    this.diesAtAck = true;
  }

  /** Ends the plugins, and the server where there is one. */
  async stop(): Promise<void> {
    await this.reviving;
    await this.drain();
    await this.backend.stop();
  }

  private get handlers(): readonly ConsumingHandler[] {
    return this.running.flatMap(({ handlers }) => handlers);
  }

  /** What is left of each handler, in words. */
  private async unsettled(): Promise<string[]> {
    const lines = await Promise.all(
      this.running.flatMap(({ definition, handlers }) =>
        handlers.map(async (handler) => {
          // Its events wait for the handler, and nobody knows how long.
          if (handler.circuit.outage) return [];
          const { durable, definition: own, counters } = handler;
          const road = retryQueueDurable(definition.name, own.name, durable.ackWaitMs, durable.deployment);
          const { broker } = this.backend;
          const positions = [
            await broker.durablePosition(durable.stream, durable.durable),
            await broker.durablePosition(road.stream, road.durable),
          ];
          const pending = positions.reduce((sum, position) => sum + (position?.pending ?? 0), 0);
          const inFlight = positions.reduce((sum, position) => sum + (position?.inFlight ?? 0), 0);
          if (pending + inFlight + handler.running === 0) return [];
          const last = counters.lastError === undefined ? '' : `, the last error: ${counters.lastError}`;
          return [
            `${definition.name}.${own.name}: ${pending} pending, ${inFlight} in flight, ${handler.running} running${last}`,
          ];
        }),
      ),
    );
    return lines.flat();
  }

  private async record(event: OutgoingEvent, sending: Promise<{ readonly duplicate: boolean }>) {
    const result = await sending;
    if (!result.duplicate) this.sent.push(event);
    return result;
  }

  private dyingNow(): boolean {
    if (!this.diesAtAck) return false;
    this.diesAtAck = false;
    this.reviving = this.crash().finally(() => (this.reviving = undefined));
    return true;
  }

  private async drain(): Promise<void> {
    const drained = { yet: false };
    const startedAtMs = performance.now();
    const ending = Promise.all(this.running.map((plugin) => plugin.stop())).finally(() => (drained.yet = true));
    while (!drained.yet) await this.backend.next(performance.now() - startedAtMs < STOP_MS);
    await ending;
    this.running = [];
    await this.run.die();
  }
}

function allHeaders(given: Readonly<Record<string, string | readonly string[]>>): AllHeaders {
  const lists = Object.entries(given).filter((entry): entry is [string, readonly string[]] => Array.isArray(entry[1]));
  const last = lists.map(([name, values]) => [name, values.at(-1) ?? '']);
  return {
    headers: { ...(given as Record<string, string>), ...(Object.fromEntries(last) as Record<string, string>) },
    ...(lists.length > 0 && { repeated: Object.fromEntries(lists) }),
  };
}

/** @throws JetplugError `JP_EVENT_INVALID` when JSON would change the payload */
function jsonOf(subject: string, payload: unknown): string {
  refuseNotJson(subject, payload);
  return toJson(subject, payload as object);
}

function nameOf(plugin: AnyPluginClass): string {
  return pluginMark(plugin)?.options.name ?? pluginNameOf(plugin.name);
}

/** A store whose bucket is on its way. */
class LaterStore<T> extends Store<T> {
  constructor(private readonly store: Promise<Store<T>>) {
    super();
  }

  async get(key: string): Promise<T | undefined> {
    return (await this.store).get(key);
  }
  async update(key: string, change: (current: T | undefined) => T): Promise<T> {
    return (await this.store).update(key, change);
  }
  async delete(key: string): Promise<void> {
    return (await this.store).delete(key);
  }
  async keys(): Promise<string[]> {
    return (await this.store).keys();
  }
  scope<U>(name: string): Store<U> {
    return new LaterStore<U>(this.store.then((store) => store.scope<U>(name)));
  }
}
