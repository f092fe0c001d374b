import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, nanos, type JetStreamManager, type Lister, type NatsConnection } from 'nats';
import { openBroker, type Broker } from '../../host/nats-server/open-broker';
import { markOf } from '../../host/nats/ownership';
import { AckInbox } from '../plain/ack-inbox';
import { messageOf, SUBJECT } from './events';

export type SyncInterval = '2m' | 'always';

export interface GroundOptions {
  readonly syncInterval: SyncInterval;
  /** In place of each case's own number of events. */
  readonly events: number | undefined;
  readonly signal: AbortSignal;
  /** Called with a line about the present step. */
  say(what: string): void;
  /** Called with a line about something that cannot be measured on this machine. */
  warn(what: string): void;
}

export const STREAM = 'BENCH';

/** The stream in the host’s config. A longer duplicate window would only fill the server’s memory. */
export const STREAM_CONFIG = { name: STREAM, subjects: ['bench.>'], duplicateWindow: '1s' };

const IN_FLIGHT = 1_000;
const SETTLE_MS = 10_000;
const PAUSE_MS = 3_600_000;

/** The resources that all cases share: a nats-server and a temporary folder. `close` removes both. */
export class Ground {
  private constructor(
    private readonly options: GroundOptions,
    private readonly broker: Broker,
    readonly folder: string,
    readonly nc: NatsConnection,
    readonly jsm: JetStreamManager,
  ) {}

  static async open(options: GroundOptions): Promise<Ground> {
    const folder = await mkdtemp(join(tmpdir(), 'jetplug-bench-'));
    try {
      const binary = process.env['JETPLUG_NATS_EMBEDDED_BINARY'] ?? '';
      const embedded = { binary, port: 0, data: join(folder, 'data'), syncInterval: options.syncInterval, own: true };
      const broker = await openBroker({ servers: [], embedded, say: options.say });
      const nc = await connect({ servers: broker.url, name: 'bench' });
      return new Ground(options, broker, folder, nc, await nc.jetstreamManager());
    } catch (error) {
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.nc.close();
    await this.broker.stop();
    await rm(this.folder, { recursive: true, force: true });
  }

  get url(): string {
    return this.broker.url;
  }

  get syncInterval(): SyncInterval {
    return this.options.syncInterval;
  }

  get signal(): AbortSignal {
    return this.options.signal;
  }

  get say(): (what: string) => void {
    return this.options.say;
  }

  get warn(): (what: string) => void {
    return this.options.warn;
  }

  /** How many events a case works on: the number given to the command, or else the case’s own. */
  events(own: number): number {
    return this.options.events ?? own;
  }

  /** Makes the stream and publishes this many events, numbered from 0. */
  async fill(events: number): Promise<void> {
    await this.makeStream();
    await this.publish(events);
  }

  async makeStream(): Promise<void> {
    // These are the settings that the host would use, so that it finds nothing to change.
    await this.jsm.streams.add({
      name: STREAM,
      subjects: STREAM_CONFIG.subjects,
      max_age: nanos(7 * 24 * 3_600_000),
      max_bytes: 10 * 2 ** 30,
      duplicate_window: nanos(1_000),
      allow_direct: true,
      metadata: markOf('jetplug'),
    });
  }

  async publish(events: number): Promise<void> {
    const inbox = new AckInbox(this.nc);
    try {
      for (let first = 0; first < events; first += IN_FLIGHT) {
        this.signal.throwIfAborted();
        this.say(`publishing: ${first} of ${events} events`);
        const count = Math.min(IN_FLIGHT, events - first);
        await Promise.all(
          Array.from({ length: count }, (_, i) => {
            const { payload, id } = messageOf(first + i);
            return inbox.publish(SUBJECT, payload, id);
          }),
        );
      }
    } finally {
      inbox.close();
    }
  }

  /** Makes the stream again, with sequences from 1. */
  async emptyStream(): Promise<void> {
    await this.jsm.streams.delete(STREAM);
    await this.makeStream();
  }

  /** How many messages a stream holds. */
  async messagesIn(stream: string): Promise<number> {
    return (await this.jsm.streams.info(stream)).state.messages;
  }

  /**
   * Throws unless each durable has delivered each of the stream’s events once, and all of them are acknowledged.
   * @param durables the expected number of durables
   */
  async checkSettled(durables: number, events: number): Promise<void> {
    const byMs = performance.now() + SETTLE_MS;
    for (;;) {
      const all = await listed(this.jsm.consumers.list(STREAM));
      if (all.length !== durables) throw new Error(`there are ${all.length} durables, not ${durables}`);
      const open = all.find(({ num_pending, num_ack_pending }) => num_pending + num_ack_pending > 0);
      const again = all.find(({ delivered }) => delivered.consumer_seq > events);
      if (again) throw new Error(`${again.name} had ${again.delivered.consumer_seq} deliveries of ${events} events`);
      if (!open) return;
      if (performance.now() > byMs) {
        throw new Error(`${open.name} has ${open.num_pending} pending, ${open.num_ack_pending} not acknowledged`);
      }
      await sleep(20, undefined, { signal: this.signal });
    }
  }

  /** Pauses all durables until {@link resume}, so that they deliver nothing. */
  async pause(): Promise<void> {
    const until = new Date(Date.now() + PAUSE_MS);
    const durables = await listed(this.jsm.consumers.list(STREAM));
    await Promise.all(durables.map(({ name }) => this.jsm.consumers.pause(STREAM, name, until)));
  }

  async resume(): Promise<void> {
    const durables = await listed(this.jsm.consumers.list(STREAM));
    await Promise.all(durables.map(({ name }) => this.jsm.consumers.resume(STREAM, name)));
  }

  /** Restores the state before a measurement: no durables, and nothing that a host has made. */
  async clear(): Promise<void> {
    for (const { config } of await listed(this.jsm.streams.list())) {
      if (config.name !== STREAM) await this.jsm.streams.delete(config.name);
    }
    const durables = await listed(this.jsm.consumers.list(STREAM));
    await Promise.all(durables.map(({ name }) => this.jsm.consumers.delete(STREAM, name)));
  }

  /** Removes all streams. */
  async clearAll(): Promise<void> {
    for (const { config } of await listed(this.jsm.streams.list())) await this.jsm.streams.delete(config.name);
  }
}

async function listed<T>(lister: Lister<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const one of lister) all.push(one);
  return all;
}
