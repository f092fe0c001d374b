import { resolve } from 'node:path';
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import type { Config, LoadedConfig, SourceOf } from './config/config';
import { unusedSections } from './config/unused-sections';
import { KvLongTexts } from './records/long-texts';
import type { HostLog } from './log/log';
import { Limiter } from './base/limiter';
import { Sweep } from './message/intake/sweep';
import { Bucket } from './nats/bucket';
import { Connection } from './nats/connection';
import { DeadLetterStream } from './nats/dead-letter-stream';
import { DurableWatch } from './nats/durable-watch';
import { openBroker, type Broker, type BrokerProgress } from './nats-server/open-broker';
import { takeOver } from './nats-server/take-over';
import { ensureStreams } from './nats/ensure-streams';
import { keepStreams } from './nats/keep-streams';
import { Publisher } from './nats/publisher';
import { StreamKeeper } from './nats/stream-keeper';
import { Refusals } from './nats/refusals';
import { NatsRetryQueue } from './nats/retry-queue';
import { NatsRetryNotifier } from './nats/retry-notifier';
import { serveAnswers } from './nats/service';
import { RECORDS_BUCKET } from './nats/wanted-streams';
import { explainPlugins, type Explainable } from './ops/explain';
import { watchEventLoop } from './ops/event-loop';
import { readiness } from './ops/health';
import { serveHttp, type HttpServer } from './ops/http';
import { metricsText } from './ops/metrics';
import { routesOf } from './ops/routes';
import { pluginStatuses, type PluginStatus } from './ops/status';
import { unhandledEvents, unhandledTotals } from './ops/unhandled';
import { discover, type Discovery } from './load/discover';
import { ConfigFiles, type ConfigSource } from './watch/config-files';
import { Faults } from './plugin/faults';
import { natsBroker } from './nats/broker';
import { Plugins } from './plugin/plugins';
import { compileAhead } from './load/module-loader';
import { PluginFolders } from './watch/plugin-folders';
import { machineTime, systemClock } from './base/time';
import { packageVersion } from './base/package-version';
import type { StreamState } from './broker/stream-state';
import { streamFor } from './broker/stream-state';

/** How long a host that starts waits for a configured server that does not answer yet. */
const PATIENCE_MS = 30_000;
/**
 * How many plugins are loaded in one turn of the event loop. What they ask of the server then goes there together;
 * with more of them nothing else would come to its turn for long.
 */
const LOADED_TOGETHER = 10;
/** How long the broker of another host on this data folder may be gone before this host runs it. */
const TAKE_OVER_AFTER_MS = 2_000;

export interface HostOptions {
  readonly config: Config;
  /** Where each value of the config came from, for whoever asks. */
  readonly sourceOf: SourceOf;
  readonly log: HostLog;
  /** Where the config comes from, where its changes are to be followed. */
  readonly source?: ConfigSource;
  /** Told how far a download of the broker is. */
  readonly progress?: BrokerProgress;
}

/** What is known when a host is ready. */
export interface HostSummary {
  readonly broker: Pick<Broker, 'kind' | 'url' | 'version'>;
  readonly streams: readonly StreamState[];
  readonly plugins: readonly PluginStatus[];
  readonly http: string | undefined;
  readonly tookMs: number;
}

/**
 * The process: config → broker → streams → plugins → consumers → ready. `stop` is the mirror.
 */
export class Host {
  private phase: 'starting' | 'running' | 'stopping' = 'starting';
  /** What was opened, in order; closed in the opposite one. */
  private readonly opened: { what: string; close: () => Promise<unknown> }[] = [];
  private readonly config: Config;
  /** What the files of the config say by now, as far as it is in effect. */
  private written: LoadedConfig;
  private readonly log: HostLog;
  private broker: Broker | undefined;
  private plugins: Plugins | undefined;
  private durables: DurableWatch | undefined;
  private takingOver = false;
  /** Told of errors that nobody caught. */
  readonly faults: Faults;

  constructor(private readonly options: HostOptions) {
    this.config = options.config;
    this.written = { config: options.config, sourceOf: options.sourceOf };
    this.log = options.log;
    this.faults = new Faults(this.log, () => this.plugins?.definitions ?? []);
  }

  /** @throws JetplugError, or an AggregateError of several, when the host cannot run; what was opened is closed. */
  async start(): Promise<HostSummary> {
    try {
      return await this.open();
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /** Ends what `start` began, last things first. Never rejects. */
  async stop(): Promise<void> {
    this.phase = 'stopping';
    for (let next = this.opened.pop(); next; next = this.opened.pop()) {
      try {
        await next.close();
      } catch (error) {
        this.log.error(`${next.what} did not stop cleanly`, { err: error });
      }
    }
  }

  private async open(): Promise<HostSummary> {
    const startedMs = performance.now();
    const discovery = discover(this.config.plugins.dirs);
    // While the server is waited for.
    const compiled = compileAhead(discovery.found.map(({ file }) => file));
    const broker = await this.openBroker();
    const connection = await this.connect(broker);
    const streams = await ensureStreams(connection, this.config);
    this.sayWhatChanged(streams);
    const kept = this.makeKept(connection);
    const plugins = await this.makePlugins(connection, streams, kept);
    this.watchEventLoop();
    // Before the plugins, so that it still answers while they drain.
    const http = await this.openHttp(plugins, connection, kept, this.subscribable(streams));
    this.opened.push({ what: 'the plugins', close: () => plugins.stop() });
    await this.loadPlugins(plugins, discovery, compiled);
    this.warnOfUnusedSections(plugins);
    // A pause, too, is known when the host is ready.
    await this.durables?.look();
    await this.watch(plugins);
    await this.openService(plugins, connection, this.subscribable(streams));
    this.phase = 'running';
    const statuses = await pluginStatuses(plugins, connection);
    const { kind, url } = broker;
    return {
      broker: { kind, url, version: connection.version },
      streams,
      plugins: statuses,
      http: http?.url,
      tookMs: Math.round(performance.now() - startedMs),
    };
  }

  private async openBroker(): Promise<Broker> {
    const { servers, embedded } = this.config.nats;
    const say = (line: string): void => this.log.info(line);
    const { progress } = this.options;
    const broker = await openBroker({ servers: [...servers], embedded, say, ...(progress && { progress }) });
    this.opened.push({ what: 'the broker', close: () => broker.stop() });
    return (this.broker = broker);
  }

  private async connect(broker: Broker): Promise<Connection> {
    const { servers } = this.config.nats;
    const connection = await Connection.open({
      servers: servers.length > 0 ? servers : [broker.url],
      name: `jetplug-host-${process.pid}`,
      nats: this.config.nats,
      patienceMs: PATIENCE_MS,
      accepts: (serverName) => this.broker?.isServer(serverName) ?? true,
      // The error is no news each time, so its stack is left out.
      waiting: ({ code, message, hint }) =>
        this.log.warn('waiting for the NATS server', { code, error: message, hint }),
    });
    this.opened.push({ what: 'the connection', close: () => connection.close() });
    const refusals = new Refusals();
    connection.watch({
      disconnected: (server) => {
        this.log.warn('the NATS server is gone; reconnecting', { server });
        if (broker.kind === 'joined' && broker.onOwnData) void this.takeOver(broker, connection);
      },
      reconnected: (server) => this.log.info('the NATS server is back', { server }),
      refused: (refusal) => {
        const error = refusals.note(refusal);
        if (!error) return;
        const { code, message, hint } = error;
        if (code === 'JP_BROKER_AUTH') this.log.error('NATS server refused the login', { code, error: message, hint });
        else if (code === 'JP_BROKER_UNREACHABLE') this.log.error('reconnecting', { code, error: message, hint });
        else this.log.error('the NATS server refused something', { code, err: error });
      },
      closed: (error) => {
        if (this.phase !== 'stopping') this.log.error('the connection to the NATS server is closed', { err: error });
      },
    });
    return connection;
  }

  /** A broker that another host ran on this host's data ends with that host: this host runs it, or joins the host that does. */
  private async takeOver(lost: Broker, connection: Connection): Promise<void> {
    if (this.takingOver) return;
    this.takingOver = true;
    const broker = await takeOver({
      lost,
      embedded: this.config.nats.embedded,
      say: (line) => this.log.info(line),
      needed: () => !connection.connected && this.phase !== 'stopping',
      failed: (error) =>
        this.log.warn('the broker of this data folder could not be run again; retrying', { err: error }),
      pause: () => sleep(TAKE_OVER_AFTER_MS),
    });
    this.takingOver = false;
    if (!broker) return;
    // The phase may have changed while the broker started.
    if ((this.phase as string) === 'stopping') return broker.stop();
    this.broker = broker;
    // The connection was opened before, and is to be closed before.
    this.opened.unshift({ what: 'the broker', close: () => broker.stop() });
  }

  private makeKept(connection: Connection): StreamKeeper {
    const kept = new StreamKeeper(connection, this.log);
    this.opened.push({ what: 'looking after the streams', close: async () => kept.stop() });
    return kept;
  }

  private async makePlugins(
    connection: Connection,
    streams: readonly StreamState[],
    kept: StreamKeeper,
  ): Promise<Plugins> {
    const subscribable = this.subscribable(streams);
    const records = Bucket.at(connection, RECORDS_BUCKET);
    await keepStreams(connection, kept, this.config);
    await records.keep(kept, 'what the host knows of attempts and of settled events', this.config);
    const durables = (this.durables = new DurableWatch(connection, this.log));
    this.opened.push({ what: 'looking after the durables', close: async () => durables.stop() });
    const texts = new KvLongTexts(records, (message, details) => this.log.warn(message, details));
    const host = {
      config: this.config,
      sourceOf: (path: string) => this.written.sourceOf(path),
      broker: natsBroker(connection, kept, durables, this.config),
      streams: subscribable,
      clock: systemClock,
      time: machineTime,
      log: this.log,
      outgoing: this.publisher(connection, subscribable),
      retryQueue: new NatsRetryQueue(connection),
      retryNotifier: new NatsRetryNotifier(connection, this.log),
      deadLetters: new DeadLetterStream(connection, this.config.deadLetters.stream, texts),
      records,
      texts,
      sweep: new Sweep(),
      suspects: new Limiter(1),
    };
    return (this.plugins = new Plugins(host, this.faults));
  }

  /** Each start says once what it changed, and what it uses without managing it. */
  private sayWhatChanged(streams: readonly StreamState[]): void {
    for (const { name: stream, subjects, change, changes } of streams) {
      if (change === 'updated') this.log.info('a stream is updated in place', { stream, changes });
      if (change === 'unmanaged') {
        const why = 'it is not marked as this deployment’s, or the config says manage: false';
        this.log.info('a stream is used as it is, and never changed', { stream, subjects, why });
      }
    }
  }

  private watchEventLoop(): void {
    const watch = watchEventLoop(
      (at, forMs) => this.faults.blocked(at, forMs),
      (error) => this.log.warn('the event loop is not watched any more', { err: error }),
    );
    this.opened.push({ what: 'watching the event loop', close: () => watch.stop() });
  }

  /** Not the dead letters': a handler that fails on them would make letters of letters. */
  private subscribable(streams: readonly StreamState[]): StreamState[] {
    return streams.filter(({ name }) => name !== this.config.deadLetters.stream);
  }

  private publisher(connection: Connection, streams: readonly StreamState[]): Publisher {
    return new Publisher(connection, {
      dropsRepeatsMs: Math.min(...streams.map(({ duplicateWindowMs }) => duplicateWindowMs)),
      holds: (subject) => streamFor(streams, subject) !== undefined,
    });
  }

  private async loadPlugins(
    plugins: Plugins,
    { found, skipped }: Discovery,
    compiled: readonly Promise<void>[],
  ): Promise<void> {
    for (const { file, why, looksMeant, isStray } of skipped) {
      this.log[looksMeant || isStray ? 'info' : 'debug']('a file in the plugins folder is skipped', { file, why });
    }
    const loads: Promise<unknown>[] = [];
    for (let first = 0; first < found.length; first += LOADED_TOGETHER) {
      await Promise.all(compiled.slice(first, first + LOADED_TOGETHER));
      for (const file of found.slice(first, first + LOADED_TOGETHER)) loads.push(plugins.load(file));
      await turn();
    }
    await Promise.all(loads);
  }

  /** A plugin that is to be dropped in later may have its section already: a near miss is a warning, others are told quietly. */
  private warnOfUnusedSections(plugins: Plugins): void {
    for (const { message: error, code, hint, file, line } of unusedSections(
      this.written,
      plugins.entries.map(({ name }) => name),
    )) {
      const level = error.includes('did you mean') ? 'warn' : 'info';
      this.log[level]('the config has a section for a plugin that is not there', { error, code, hint, file, line });
    }
  }

  private async watch(plugins: Plugins): Promise<void> {
    if (!this.config.plugins.watch) return;
    const dirs = this.config.plugins.dirs.map((dir) => resolve(dir));
    const watch = new PluginFolders(dirs, plugins, this.log);
    this.opened.push({ what: 'watching', close: () => watch.stop() });
    await watch.ready();
    const { source } = this.options;
    if (!source) return;
    const configWatch = new ConfigFiles(this.config, source, plugins, this.log, (written) => (this.written = written));
    this.opened.push({ what: 'watching the config', close: async () => configWatch.stop() });
  }

  private async openHttp(
    plugins: Plugins,
    connection: Connection,
    kept: StreamKeeper,
    streams: readonly StreamState[],
  ): Promise<HttpServer | undefined> {
    if (this.config.http.listen === '') return undefined;
    const http = await serveHttp(this.config.http.listen, {
      readiness: () => readiness(plugins, connection, kept.missing, this.phase),
      metrics: async () => metricsText(plugins, connection, await this.unhandled(plugins, connection, streams)),
    });
    this.opened.push({ what: 'HTTP', close: () => http.close() });
    return http;
  }

  /** Not known before every plugin is loaded, nor while the server does not answer. */
  private async unhandled(
    plugins: Plugins,
    connection: Connection,
    streams: readonly StreamState[],
  ): Promise<ReadonlyMap<string, number> | undefined> {
    if (this.phase !== 'running' || !connection.connected) return undefined;
    // The other metrics help even where this one may not be asked for.
    return unhandledTotals({ plugins, connection, streams }).catch((error: unknown) => {
      this.log.debug('the events that no handler takes could not be counted', { err: error });
      return undefined;
    });
  }

  private async openService(plugins: Plugins, connection: Connection, streams: readonly StreamState[]): Promise<void> {
    const asked = (): Explainable => ({ ...this.written, plugins, connection, streams });
    const answers = {
      plugins: () => pluginStatuses(plugins, connection),
      explain: (name: string) => explainPlugins(name, asked()),
      routes: (subject: string) => routesOf(subject, asked()),
      unhandled: () => unhandledEvents(asked()),
    };
    const service = await serveAnswers(connection, packageVersion(), answers);
    this.opened.push({ what: 'the micro service', close: () => service.stop() });
  }
}
