import type { Config } from '../../host/config/config';
import type { Delivery } from '../../host/broker/delivery';
import type { Time } from '../../host/base/time';
import { decodedOrNone, eventKey } from '../../host/records/commits/commit';
import type { Entry } from '../../host/records/key-value';
import type { MemoryBucket } from '../../host/testing/memory-bucket';
import { MemoryBroker } from '../../host/testing/memory-broker';
import type { Incoming } from '../../host/testing/memory-stream';
import { Agenda } from './agenda';
import { BrokerPin } from './broker-pin';
import type { Dice } from './dice';
import { NO_FAULTS, QUICKEST_MS, type Faults } from './faults';
import type { Mistakes } from './mistakes';
import { KEYED } from './plugins';
import type { Promised, Violation } from './promises';
import { Trace } from './trace';

/** A message as its stream has it. */
export interface Stored {
  readonly sequence: number;
  readonly subject: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

const START_MS = Date.parse('2026-05-12T12:00:00Z');
const SLOW_MS = 500;
/** How long the broker keeps sending to a host whose connection is gone, before it notices. */
const LINGER_MS = 4_000;

/** The time, the broker, the faults and the trace, which all hosts of a schedule share. */
export class World {
  readonly agenda = new Agenda();
  readonly trace = new Trace(() => this.agenda.nowMs);
  readonly broker: MemoryBroker;
  readonly stored: Stored[] = [];
  readonly violations: Violation[] = [];
  /** The events whose after-commit work a host has done. */
  readonly worked = new Set<number>();
  private readonly pins = new Map<string, BrokerPin>();
  private readonly keyed: ReadonlySet<string>;
  /** The host that has claimed a handler with a key, or that was the first to commit a run of it, by durable. */
  private readonly owners = new Map<string, string>();
  private readonly settledBy = new Map<string, number>();
  private readonly earlierEntries = new Map<MemoryBucket, Map<string, Entry | undefined>>();
  private readonly deliveries = new Map<string, Delivery>();

  constructor(
    readonly config: Config,
    readonly dice: Dice,
    public faults: Faults,
    readonly mistakes: Mistakes,
    /** Whether durables are pinned. A broker without pins notices at once that a connection is gone. */
    readonly isPinned: boolean,
  ) {
    this.broker = new MemoryBroker(config, this.time);
    this.keyed = new Set(isPinned ? KEYED.map((plugin) => `${plugin}-take`) : []);
  }

  epochMs(): number {
    return START_MS + Math.floor(this.agenda.nowMs);
  }

  /** Ends all faults of messages. */
  calm(): void {
    this.faults = NO_FAULTS;
    this.trace.add('world', 'no more faults');
  }

  /** The time that a message takes. */
  delayMs(): number {
    const { dice, faults } = this;
    return dice.chance(faults.slow) ? dice.between(0, SLOW_MS) : dice.between(QUICKEST_MS, 2);
  }

  lingerMs(): number {
    return this.isPinned ? this.dice.between(0, LINGER_MS) : 0;
  }

  pinOf(durable: string): BrokerPin {
    const pin = this.pins.get(durable) ?? new BrokerPin(this, durable);
    this.pins.set(durable, pin);
    return pin;
  }

  /** Stores a message, and notes what is stored. */
  store(message: Incoming): { sequence: number; duplicate: boolean } {
    const result = this.broker.store(message);
    if (!result.duplicate) {
      const fields = JSON.parse(Buffer.from(message.payload).toString()) as Stored['fields'];
      this.stored.push({ sequence: result.sequence, subject: message.subject, fields });
    }
    return result;
  }

  /** Notes a delivery. It may be made again although it is in flight. */
  delivered(durable: string, delivery: Delivery): void {
    const { dice, faults, agenda, trace } = this;
    this.deliveries.set(`${durable} ${delivery.sequence}`, delivery);
    if (!dice.chance(faults.earlyRedeliveries)) return;
    agenda.after(dice.between(0, 3_000), () => {
      if (delivery.settled) return;
      trace.add('broker', `delivers ${durable} ${delivery.sequence} again early`);
      delivery.nak();
    });
  }

  /** The last delivery of a message. */
  latest(durable: string, delivery: Delivery): Delivery {
    return this.deliveries.get(`${durable} ${delivery.sequence}`) ?? delivery;
  }

  /** Returns the entry before the last write of a key, as a replica has it that is behind. */
  earlier(bucket: MemoryBucket, key: string): Entry | undefined {
    return this.earlierEntries.get(bucket)?.get(key);
  }

  noteEarlier(bucket: MemoryBucket, key: string, before: Entry | undefined): void {
    const entries = this.earlierEntries.get(bucket) ?? new Map<string, Entry | undefined>();
    this.earlierEntries.set(bucket, entries.set(key, before));
  }

  /**
   * Notes a commit that is in a log. No event may be settled by two commits, and a host that has not claimed a handler
   * with a key may commit no run of it after another host has.
   */
  committed(plugin: string, position: number, text: string): void {
    const { host = '', runs = [], claimed = [] } = decodedOrNone(text) ?? {};
    for (const durable of claimed) this.owners.set(durable, host);
    for (const { event, part } of runs) {
      if (!event) continue;
      if (this.keyed.has(event.durable)) this.committedBy(host, event.durable, position);
      if (part !== undefined) continue;
      const name = eventKey(event);
      const first = this.settledBy.get(name);
      if (first !== undefined) {
        const [durable, , sequence] = name.split(' ');
        this.violate('effect-once', `commits ${first} and ${position} of ${plugin} both settle ${durable} ${sequence}`);
      }
      this.settledBy.set(name, position);
    }
  }

  private committedBy(host: string, durable: string, position: number): void {
    const owner = this.owners.get(durable) ?? host;
    this.owners.set(durable, owner);
    if (owner !== host) this.violate('one-host', `${host} commits a run of ${durable} at ${position}, after ${owner}`);
  }

  violate(promise: Promised, what: string): void {
    this.violations.push({ promise, what });
    this.trace.add('VIOLATION', `${promise}: ${what}`);
  }

  private get time(): Time {
    const { agenda } = this;
    return {
      epochMs: () => this.epochMs(),
      nowMs: () => agenda.nowMs,
      after: (delayMs, act) => {
        const item = agenda.after(delayMs, act);
        return { cancel: () => void (item.isCancelled = true) };
      },
      every: () => {
        throw new Error('the broker has no periodic timers');
      },
      soon: (act) => void agenda.after(0, act),
    };
  }
}
