import type { CommitLog } from '../records/commits/commit-log';
import type { KeyValue } from '../records/key-value';
import type { Config } from '../config/config';
import type { PartedLog } from '../log/log';
import type { Delivery } from '../broker/delivery';
import { Limiter } from '../base/limiter';
import { Sweep } from '../message/intake/sweep';
import { WrappedDelivery } from '../broker/wrapped-delivery';
import { CommitLogs } from '../plugin/commit-logs';
import { NameRegistry } from '../plugin/name-registry';
import type { PluginBroker } from '../broker/plugin-broker';
import type { DurablePull } from '../broker/pull';
import type { PluginHost } from '../plugin/plugin-host';
import type { Time, Timer } from '../base/time';
import type { Backend } from './backend';

/**
 * A moment at which a test can kill the host: before it appends a run's commit; when the commit is stored but not
 * confirmed; before it sends a published event; before it acknowledges an event.
 */
export type CrashPoint = 'before-commit' | 'after-commit' | 'before-publish' | 'before-ack';

/**
 * One run of a host on a backend that outlives it. After {@link HostRun.die} nothing reaches the broker any more.
 * Requests are then never answered, and timers do not fire.
 * @internal
 */
export class HostRun {
  private hasDied = false;
  private readonly timers = new Set<Timer>();
  private readonly pulls: DurablePull[] = [];

  /** @param crashes called at each such moment; if it returns true, the host dies now */
  constructor(
    private readonly backend: Backend,
    private readonly config: Config,
    private readonly log: PartedLog,
    private readonly crashes: (moment: CrashPoint) => boolean,
  ) {}

  /** Returns the services that plugins run on. */
  host(): PluginHost {
    const { backend, config, log } = this;
    const time = this.time();
    const records = this.keyValue(backend.records);
    const broker = this.broker();
    const names = new NameRegistry();
    const { outgoing } = backend;
    return {
      config,
      log,
      time,
      clock: backend.clock,
      streams: backend.streams,
      retryNotifier: backend.retryNotifier,
      broker,
      records,
      commits: new CommitLogs({ broker, time, log }),
      outgoing: {
        dropsRepeatsMs: outgoing.dropsRepeatsMs,
        check: (event) => outgoing.check(event),
        send: (event) => this.alive(() => (this.crashes('before-publish') ? never() : outgoing.send(event))),
        idsSince: (subject, sinceMs) => this.alive(() => outgoing.idsSince(subject, sinceMs)),
      },
      deadLetters: gated(backend.deadLetters, this),
      retryQueue: gated(backend.retryQueue, this),
      sweep: new Sweep(time),
      suspects: new Limiter(1),
      claim: (plugin) => names.take(plugin),
    };
  }

  /** Kills the host: later calls have no effect. Resolves when the pulls have stopped. */
  async die(): Promise<void> {
    this.hasDied = true;
    for (const timer of this.timers) timer.cancel();
    this.timers.clear();
    // The server would keep the pin of a killed host for some seconds.
    await Promise.all(this.pulls.map((pull) => pull.stop().then(() => pull.pin?.release())));
  }

  /** Returns whether the host has died. This is a method, so that the value is read again after each await. */
  private isDead(): boolean {
    return this.hasDied;
  }

  /**
   * Does the work if the host lives. If the host has died before the work or dies during it, the promise never settles.
   */
  async alive<T>(work: () => Promise<T>): Promise<T> {
    if (this.isDead()) return never();
    try {
      const result = await work();
      return await (this.isDead() ? never<T>() : result);
    } catch (error) {
      if (this.isDead()) return never();
      throw error;
    }
  }

  private keyValue(bucket: KeyValue): KeyValue {
    const gate = gated(bucket, this);
    const onForeignWrite: KeyValue['onForeignWrite'] =
      bucket.onForeignWrite && ((listener) => bucket.onForeignWrite!((key) => !this.isDead() && listener(key)));
    const onLost: KeyValue['onLost'] =
      bucket.onLost && ((listener) => bucket.onLost!(() => !this.isDead() && listener()));
    return Object.defineProperty(Object.assign(gate, { onForeignWrite, onLost }), 'renewals', {
      get: () => bucket.renewals,
    });
  }

  private commitLog(log: CommitLog): CommitLog {
    const follow: CommitLog['follow'] = (listener, reconnected) =>
      log.follow(
        (commit) => !this.isDead() && listener(commit),
        () => !this.isDead() && reconnected?.(),
      );
    const append: CommitLog['append'] = (text, expected) =>
      this.alive(async () => {
        if (this.crashes('before-commit')) return never();
        const position = await log.append(text, expected);
        return this.crashes('after-commit') ? never() : position;
      });
    const { maxCommitBytes } = log;
    return { ...gated(log, this), maxCommitBytes, append, follow };
  }

  private broker(): PluginBroker {
    const { broker } = this.backend;
    const { pins } = broker;
    return {
      ensureDurable: (spec) => this.alive(() => broker.ensureDurable(spec)),
      checkDurable: (spec) => this.alive(() => broker.checkDurable(spec)),
      durablePosition: (stream, durable) => this.alive(() => broker.durablePosition(stream, durable)),
      durableCheckpoint: (spec) => this.alive(() => broker.durableCheckpoint(spec)),
      streamCreated: (stream) => this.alive(() => broker.streamCreated(stream)),
      whenChecked: (...streams) => broker.whenChecked(...streams),
      hasDeferred: (durable) => this.alive(() => broker.hasDeferred(durable)),
      watchDurable: (spec, watcher) => broker.watchDurable(spec, (state) => !this.isDead() && watcher(state)),
      pull: (stream, durable, sink) => {
        const deliver = (delivery: Delivery, isLate: boolean): void => {
          if (this.isDead()) return;
          sink.deliver(new MortalDelivery(delivery, () => this.isDead() || this.crashes('before-ack')), isLate);
        };
        const pull = broker.pull(stream, durable, { ...sink, deliver });
        this.pulls.push(pull);
        return pull;
      },
      ...(pins && { pins: { reset: (spec) => this.alive(() => pins.reset(spec)), hosts: pins.hosts } }),
      mayHaveStore: (plugin) => this.alive(() => broker.mayHaveStore(plugin)),
      findStore: async (plugin) => {
        const bucket = await broker.findStore(plugin);
        return bucket && this.keyValue(bucket);
      },
      openStore: async (plugin) => {
        const { bucket, leave } = await broker.openStore(plugin);
        return { bucket: this.keyValue(bucket), leave };
      },
      openLog: async (plugin, above) => {
        const { log, leave } = await broker.openLog(plugin, above);
        return { log: this.commitLog(log), leave };
      },
      findLog: async (plugin) => {
        const log = await broker.findLog(plugin);
        return log && this.commitLog(log);
      },
    };
  }

  private time(): Time {
    const { time } = this.backend;
    const registered = (timer: Timer): Timer => {
      this.timers.add(timer);
      return {
        cancel: () => {
          timer.cancel();
          this.timers.delete(timer);
        },
      };
    };
    return {
      epochMs: () => time.epochMs(),
      nowMs: () => time.nowMs(),
      soon: (act) => time.soon(() => !this.isDead() && act()),
      every: (periodMs, act) => registered(time.every(periodMs, act)),
      after: (delayMs, act) => {
        const timer = registered(
          time.after(delayMs, () => {
            timer.cancel();
            if (!this.isDead()) act();
          }),
        );
        return timer;
      },
    };
  }
}

/** A delivery that a dead host cannot settle. */
class MortalDelivery extends WrappedDelivery {
  private ended = false;

  constructor(
    delivery: Delivery,
    private readonly isLost: () => boolean,
  ) {
    super(delivery);
  }

  override get settled(): boolean {
    return this.ended || this.delivery.settled;
  }
  override ack(): void {
    if (this.isLost()) this.ended = true;
    else this.delivery.ack();
  }
  override nak(delayMs?: number): void {
    if (!this.ended) this.delivery.nak(delayMs);
  }
  override term(reason: string): void {
    if (!this.ended) this.delivery.term(reason);
  }
  override working(): void {
    if (!this.ended) this.delivery.working();
  }
}

/** Returns an object with the methods of `target`, which have an effect only while the host lives. */
function gated<T extends object>(target: T, run: HostRun): T {
  const gate: Record<string, unknown> = {};
  for (const name of methodsOf(target)) {
    gate[name] = (...args: unknown[]) =>
      run.alive(async () => (target as Record<string, (...args: unknown[]) => unknown>)[name]!(...args));
  }
  return gate as T;
}

function methodsOf(target: object): string[] {
  const names = new Set(Object.keys(target));
  for (let level: unknown = Object.getPrototypeOf(target); level && level !== Object.prototype;) {
    for (const name of Object.getOwnPropertyNames(level)) names.add(name);
    level = Object.getPrototypeOf(level);
  }
  names.delete('constructor');
  return [...names].filter((name) => typeof (target as Record<string, unknown>)[name] === 'function');
}

function never<T>(): Promise<T> {
  return new Promise<T>(() => undefined);
}
