import { KvLongTexts } from '../records/long-texts';
import type { KeyValue } from '../records/key-value';
import type { Config } from '../config/config';
import type { PartedLog } from '../log/log';
import type { Delivery } from '../broker/delivery';
import { Limiter } from '../base/limiter';
import { Sweep } from '../message/intake/sweep';
import { WrappedDelivery } from '../broker/wrapped-delivery';
import { NameRegistry } from '../plugin/name-registry';
import type { PluginBroker } from '../broker/plugin-broker';
import type { DurablePull } from '../broker/pull';
import type { PluginHost } from '../plugin/plugin-host';
import type { Time, Timer } from '../base/time';
import type { Backend } from './backend';

/**
 * The life of one host process on a backend that outlives it. Once it has died nothing that it does reaches the
 * broker any more: what it asks is never answered, and its timers do not go off.
 */
export class HostRun {
  private hasDied = false;
  private readonly timers = new Set<Timer>();
  private readonly pulls: DurablePull[] = [];

  /** @param beforeAck called for each ack, which is not given where it answers that the host dies now */
  constructor(
    private readonly backend: Backend,
    private readonly config: Config,
    private readonly log: PartedLog,
    private readonly beforeAck: () => boolean,
  ) {}

  /** What plugins run on. */
  host(): PluginHost {
    const { backend, config, log } = this;
    const time = this.time();
    const records = this.keyValue(backend.records);
    const texts = new KvLongTexts(records, (message, details) => log.warn(message, details));
    const claims = new NameRegistry();
    const { outgoing } = backend;
    return {
      config,
      log,
      time,
      clock: backend.clock,
      streams: backend.streams,
      retryNotifier: backend.retryNotifier,
      broker: this.broker(),
      records,
      texts,
      outgoing: {
        dropsRepeatsMs: outgoing.dropsRepeatsMs,
        send: (event) => this.alive(() => outgoing.send(event)),
        idsSince: (subject, sinceMs) => this.alive(() => outgoing.idsSince(subject, sinceMs)),
      },
      deadLetters: gated(backend.deadLetters(texts), this),
      retryQueue: gated(backend.retryQueue, this),
      sweep: new Sweep(time),
      suspects: new Limiter(1),
      claim: (plugin) => claims.take(plugin),
    };
  }

  /** From now on nothing that it does has an effect. */
  async die(): Promise<void> {
    this.hasDied = true;
    for (const timer of this.timers) timer.cancel();
    this.timers.clear();
    await Promise.all(this.pulls.map((pull) => pull.stop()));
  }

  /** Asked anew each time: it may die while something is waited for. */
  private isDead(): boolean {
    return this.hasDied;
  }

  /** What is asked by the dead is never answered. */
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
    return Object.defineProperty(gate, 'renewals', { get: () => bucket.renewals });
  }

  private broker(): PluginBroker {
    const { broker } = this.backend;
    return {
      ensureDurable: (spec) => this.alive(() => broker.ensureDurable(spec)),
      checkDurable: (spec) => this.alive(() => broker.checkDurable(spec)),
      durablePosition: (stream, durable) => this.alive(() => broker.durablePosition(stream, durable)),
      streamCreated: (stream) => this.alive(() => broker.streamCreated(stream)),
      whenChecked: (...streams) => broker.whenChecked(...streams),
      hasDeferred: (road) => this.alive(() => broker.hasDeferred(road)),
      storeOf: (plugin) => this.keyValue(broker.storeOf(plugin)),
      watchDurable: (spec, watcher) => broker.watchDurable(spec, (look) => !this.isDead() && watcher(look)),
      pull: (stream, durable, sink) => {
        const deliver = (delivery: Delivery): void => {
          if (!this.isDead()) sink.deliver(new MortalDelivery(delivery, () => this.isDead() || this.beforeAck()));
        };
        const pull = broker.pull(stream, durable, { ...sink, deliver });
        this.pulls.push(pull);
        return pull;
      },
      openStore: async (plugin) => {
        const { bucket, leave } = await broker.openStore(plugin);
        return { bucket: this.keyValue(bucket), leave };
      },
    };
  }

  private time(): Time {
    const { time } = this.backend;
    const kept = (timer: Timer): Timer => {
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
      every: (periodMs, act) => kept(time.every(periodMs, act)),
      after: (delayMs, act) => {
        const timer = kept(
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

/** A delivery that a dead host answers no more. */
class MortalDelivery extends WrappedDelivery {
  private answered = false;

  constructor(
    delivery: Delivery,
    private readonly isLost: () => boolean,
  ) {
    super(delivery);
  }

  override get settled(): boolean {
    return this.answered || this.delivery.settled;
  }
  override ack(): void {
    if (this.isLost()) this.answered = true;
    else this.delivery.ack();
  }
  override nak(delayMs?: number): void {
    if (!this.answered) this.delivery.nak(delayMs);
  }
  override term(reason: string): void {
    if (!this.answered) this.delivery.term(reason);
  }
  override working(): void {
    if (!this.answered) this.delivery.working();
  }
}

/** The same object, whose methods answer only the living. */
function gated<T extends object>(target: T, generation: HostRun): T {
  const gate: Record<string, unknown> = {};
  for (const name of methodsOf(target)) {
    gate[name] = (...args: unknown[]) =>
      generation.alive(async () => (target as Record<string, (...args: unknown[]) => unknown>)[name]!(...args));
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
