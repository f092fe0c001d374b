import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { JetStreamManager, NatsConnection } from 'nats';
import { jetplug, type CliResult } from './cli';
import { allSettled } from './durables';
import type { TestServer } from './nats-server';
import { pluginSource } from './plugin-source';
import type { Scene } from './scene';

/** A plugin that counts the events of a user, calls the URL of an event, and publishes the count. */
export const COUNTER = pluginSource(
  'CounterPlugin',
  `  constructor(private readonly counts: Store<number>, private readonly events: EventBus, private readonly log: Logger) {}
  @Subscribe('video.counted')
  async count({ user, url }: any, context: EventContext) {
    const count = await this.counts.update(user, (n = 0) => n + 1);
    context.log.info('counted', { count });
    if (url) await fetch(url);
    await this.events.publish('badge.counted', { user, count });
    context.afterCommit(() => this.log.warn('after the commit', { count }));
  }
  @Subscribe('video.*')
  see() {}`,
);

/** The JSON that `jetplug debug` prints. */
export interface Debugged {
  readonly outcome: string;
  readonly verdict: string;
  readonly error?: { readonly message: string; readonly stack: string };
  readonly store: { readonly state: string; readonly keys: number; readonly unknown: readonly object[] };
  readonly changes: readonly object[];
  readonly events: readonly { readonly id: string; readonly subject: string; readonly payload: object }[];
  readonly log: readonly { readonly level: string; readonly message: string }[];
}

/** A server with events that a host has handled with the plugin `counter`. The host has stopped. */
export class CountedEvents {
  /** The sequence of each event, by its id. */
  readonly sequences = new Map<string, number>();

  private constructor(
    readonly server: TestServer,
    readonly nats: NatsConnection,
    readonly jsm: JetStreamManager,
    readonly plugins: string,
  ) {}

  /** @param events the fields of each event by its id, besides its user `u1` */
  static async open(scene: Scene, events: Readonly<Record<string, object>>): Promise<CountedEvents> {
    const server = await scene.server();
    const nats = await scene.client(server.url);
    const plugins = scene.folder({ 'counter.plugin.ts': COUNTER });
    const host = await scene.host({ server, plugins: [plugins] });
    const counted = new CountedEvents(server, nats, await nats.jetstreamManager(), plugins);
    for (const [id, fields] of Object.entries(events)) {
      await counted.publish(id, fields);
      await allSettled(counted.jsm, ['EVENTS'], 20_000);
    }
    await host.stop();
    return counted;
  }

  get file(): string {
    return join(this.plugins, 'counter.plugin.ts');
  }

  async publish(id: string, fields: object = {}): Promise<void> {
    const text = JSON.stringify({ user: 'u1', event_id: id, ...fields });
    this.sequences.set(id, (await this.nats.jetstream().publish('video.counted', text)).seq);
  }

  /** Runs `jetplug debug` without a debugger. */
  debug(event: string, ...flags: string[]): Promise<CliResult> {
    const { plugins, server } = this;
    return jetplug(['debug', event, '--plugins', plugins, '--servers', server.url, '--no-inspect', ...flags]);
  }

  /** Runs the handler that counts. */
  count(event: string, ...flags: string[]): Promise<CliResult> {
    return this.debug(event, '--plugin', 'counter', '--handler', 'count', '--json', ...flags);
  }

  /** Does the work while the plugin's file has another text. */
  async edited<T>(from: string, to: string, work: () => Promise<T>): Promise<T> {
    const source = readFileSync(this.file, 'utf8');
    writeFileSync(this.file, source.replace(from, to));
    try {
      return await work();
    } finally {
      writeFileSync(this.file, source);
    }
  }

  /** Everything on the server: the settings and the state of each stream and of each consumer. */
  async everything(): Promise<unknown[]> {
    const all: unknown[] = [];
    for await (const { config: stream, state } of this.jsm.streams.list()) {
      all.push({ stream, state });
      for await (const { config, delivered, ack_floor, num_pending } of this.jsm.consumers.list(stream.name)) {
        all.push({ config, delivered, ack_floor, num_pending });
      }
    }
    return all;
  }
}
