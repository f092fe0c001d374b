import { resolve } from 'node:path';
import { hostName } from './base/host-name';
import { machineTime, systemClock } from './base/time';
import type { StreamState } from './broker/stream-state';
import type { LoadedConfig } from './config/config';
import { discover } from './load/discover';
import { compileAhead } from './load/compile-ahead';
import type { HostLog } from './log/log';
import { Limiter } from './base/limiter';
import { CommitLogs } from './plugin/commit-logs';
import { hostLimits } from './plugin/host-limits';
import { Sweep } from './message/intake/sweep';
import type { Connection } from './nats/connection';
import { openServices, type NatsServices } from './nats/open';
import type { Broker, BrokerProgress } from './nats-server/open-broker';
import { LogThrottle } from './base/log-throttle';
import { LiveRuns } from './records/runs/live-runs';
import { Recorder } from './records/runs/recorder';
import { RunRecorder } from './records/runs/run-recorder';
import { HandlerLags } from './ops/handler-lags';
import { watchEventLoop } from './ops/event-loop';
import { pluginStatuses, type PluginStatus } from './ops/status';
import { Faults } from './plugin/faults';
import { Rebalance } from './plugin/rebalance';
import { Plugins } from './plugin/plugins';
import { ProviderFolders } from './plugin/provider-folders';
import { HostBroker } from './start/broker';
import type { DescribedHost } from './start/described-host';
import { loadPlugins, logUnusedSections } from './start/load-plugins';
import { observeHandlers, openTelemetry } from './start/telemetry';
import type { Telemetry } from './message/telemetry';
import { openHttp, serveInspection } from './start/surfaces';
import { ConfigFiles, type ConfigSource } from './watch/config-files';
import { PluginFolders } from './watch/plugin-folders';

export interface HostOptions extends LoadedConfig {
  readonly log: HostLog;
  /** The files of the config, if the host is to follow their changes. */
  readonly source?: ConfigSource;
  /** Called as soon as the host is connected, before it uses anything on the server. If it rejects, the start fails. */
  readonly connected?: (connection: Connection) => Promise<void>;
  /** Called as nats-server is downloaded. */
  readonly progress?: BrokerProgress;
}

const REPORT_AGAIN_MS = 60_000;

/** The state of a host that has just become ready. */
export interface HostSummary {
  readonly broker: Pick<Broker, 'kind' | 'url' | 'version'>;
  readonly streams: readonly StreamState[];
  readonly plugins: readonly PluginStatus[];
  /** The address of the page, health and metrics; undefined if HTTP is off. */
  readonly http: string | undefined;
  /** Whether the page and the metrics are served there. Beyond loopback they need a token. */
  readonly hasPage: boolean;
  readonly tookMs: number;
}

/**
 * The host of a process. It starts in the order config → broker → streams → plugins → consumers → ready, and stops in
 * the opposite order.
 */
export class Host {
  private phase: 'starting' | 'running' | 'stopping' = 'starting';
  /** The parts that were opened, in order of their opening. They are closed in the opposite order. */
  private readonly opened: { readonly part: string; close(): unknown }[] = [];
  /** The config files as they were last read, as far as the host has applied them. */
  private written: LoadedConfig;
  private readonly log: HostLog;
  private plugins: Plugins | undefined;
  /** Reports uncaught errors. */
  readonly faults: Faults;

  constructor(private readonly options: HostOptions) {
    const { config, sourceOf, log } = options;
    this.written = { config, sourceOf };
    this.log = log;
    this.faults = new Faults(log, () => this.plugins?.suspects ?? []);
  }

  /**
   * Starts the host and resolves when it is ready.
   * @throws JetplugError, or an AggregateError of several, when the host cannot run; opened parts are closed.
   */
  async start(): Promise<HostSummary> {
    try {
      return await this.open();
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /** Closes the parts that `start` has opened, last ones first. Never rejects. */
  async stop(): Promise<void> {
    this.phase = 'stopping';
    for (let next = this.opened.pop(); next; next = this.opened.pop()) {
      try {
        await next.close();
      } catch (error) {
        this.log.error(`${next.part} did not stop cleanly`, { err: error });
      }
    }
  }

  private async open(): Promise<HostSummary> {
    const startedMs = performance.now();
    const { config, log } = this.options;
    const discovery = discover(config.plugins.dirs);
    const opened = await openTelemetry(log);
    if (opened) this.closeLater('telemetry', () => opened.stop());
    // Threads compile the files while the host waits for the server.
    const compiled = compileAhead(discovery.found.map(({ file }) => file));
    const broker = await this.openBroker();
    const connection = await broker.connect();
    this.closeLater('the connection', () => connection.close());
    await this.options.connected?.(connection);
    const services = await broker.whenElected(() => openServices(connection, config, log));
    this.closeLater('the services of the connection', () => services.stop());
    const commits = new CommitLogs({
      ...{ broker: services.broker, time: machineTime, log },
      historyMs: config.store.historyMs,
    });
    const name = hostName();
    const live = new LiveRuns({ host: name, time: machineTime });
    this.closeLater('the live view of runs', () => live.stop());
    const recorder = new Recorder(this.openRunRecorder(services.runs, name), live);
    const plugins = (this.plugins = this.createPlugins(services, commits, recorder, opened?.telemetry));
    const lags = new HandlerLags();
    if (opened) observeHandlers(opened, plugins, connection, lags);
    this.watchEventLoop();
    const describe = (): DescribedHost => ({
      ...this.written,
      ...{ name, plugins, connection, log, phase: this.phase },
      ...{ streams: services.streams, missingStreams: services.streamKeeper.missing },
      ...{ driftedStreams: services.streamKeeper.drifted, newerConfig: services.generation.newer },
      commitProblems: commits.problems,
      ...{ lags, live },
    });
    // HTTP opens before the plugins run, so that it still answers while they drain.
    const http = await openHttp(describe);
    if (http) this.closeLater('HTTP', () => http.close());
    this.closeLater('the plugins', () => plugins.stop());
    await loadPlugins(plugins, discovery, compiled, log);
    logUnusedSections(plugins, this.written, log);
    // The summary names durables that an operator has paused, so they are checked now.
    await services.durableWatch.check();
    await this.watchFiles(plugins);
    const inspection = await serveInspection(describe);
    this.closeLater('the micro service', () => inspection.stop());
    this.phase = 'running';
    return {
      broker: { kind: broker.kind, url: broker.url, version: connection.version },
      streams: services.allStreams,
      plugins: await pluginStatuses(plugins, connection),
      http: http?.url,
      hasPage: http?.hasPage ?? false,
      tookMs: Math.round(performance.now() - startedMs),
    };
  }

  private closeLater(part: string, close: () => unknown): void {
    this.opened.push({ part, close });
  }

  private async openBroker(): Promise<HostBroker> {
    const { config, log, progress } = this.options;
    const broker = await HostBroker.open(config.nats, log, () => this.phase === 'stopping', progress);
    this.closeLater('the broker', () => broker.stop());
    return broker;
  }

  private createPlugins(
    { broker, streams, outgoing: sender, records, ...services }: NatsServices,
    commits: CommitLogs,
    recorder: Recorder,
    telemetry: Telemetry | undefined,
  ): Plugins {
    const { retryQueue, retryNotifier, deadLetters } = services;
    const { config, log } = this.options;
    const outgoing = telemetry ? telemetry.tracedOutgoing(sender) : sender;
    const providers = new ProviderFolders(log, systemClock, config.plugins.startTimeoutMs);
    this.closeLater('the providers of the plugins folders', () => providers.stop());
    const host = {
      config,
      sourceOf: (path: string) => this.written.sourceOf(path),
      log,
      clock: systemClock,
      time: machineTime,
      ...{ broker, streams, outgoing, retryQueue, retryNotifier, deadLetters, records, commits, recorder, telemetry },
      sweep: new Sweep(),
      suspects: new Limiter(1),
      limits: hostLimits(config.delivery),
      ...(broker.pins && { rebalance: new Rebalance(broker.pins.hosts, machineTime) }),
      providers,
    };
    return new Plugins(host, this.faults);
  }

  private openRunRecorder(runs: NatsServices['runs'], host: string): RunRecorder | undefined {
    if (!runs) return undefined;
    const { config, log } = this.options;
    const throttle = new LogThrottle(REPORT_AGAIN_MS, () => performance.now());
    const recorder = new RunRecorder({
      ...{ log: runs, host, time: machineTime },
      sample: config.tracing.sample ?? 0,
      failed: (error, dropped) => {
        if (throttle.note('failed') === undefined) return;
        log.warn('records of runs cannot be stored yet', { dropped, err: error });
      },
    });
    this.closeLater('the recorder of runs', () => recorder.stop());
    return recorder;
  }

  private watchEventLoop(): void {
    const watch = watchEventLoop(
      (at, forMs) => this.faults.blocked(at, forMs),
      (error) => this.log.warn('event loop watcher failed; blocked handlers are not reported any more', { err: error }),
    );
    this.closeLater('the event loop watcher', () => watch.stop());
  }

  private async watchFiles(plugins: Plugins): Promise<void> {
    const { config, source } = this.options;
    if (!config.plugins.watch) return;
    const dirs = config.plugins.dirs.map((dir) => resolve(dir));
    const folders = new PluginFolders(dirs, plugins, this.log, config.plugins.pollMs);
    this.closeLater('the watch of the plugins folders', () => folders.stop());
    await folders.start();
    if (!source) return;
    const files = new ConfigFiles(config, source, plugins, this.log, (written) => (this.written = written));
    files.start();
    this.closeLater('the watch of the config files', () => files.stop());
  }
}
