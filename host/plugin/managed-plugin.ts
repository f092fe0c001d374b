import { isJetplugError, JetplugError, type ErrorCode } from '../../sdk/internal';
import { errorsIn } from '../base/plain-error';
import type { Timer } from '../base/time';
import { atSettings } from '../config/settings-place';
import type { PluginDefinition } from '../load/describe';
import { nameByFile, type PluginFile } from '../load/discover';
import type { ContractRecords } from './contract-records';
import type { NameRegistry } from './name-registry';
import { runningState, type PluginEntry, type PluginState } from './plugin-entry';
import type { PluginHost } from './plugin-host';
import { specOf } from './reconcile';
import type { ReloadReport, ReloadReports } from './reload-reports';
import { runPlugin } from './run-plugin';
import type { RunningPlugin } from './running-plugin';

/**
 * Why a plugin is loaded: the host starts, its sources have changed, its part of the config has, or the server did not
 * answer the time before.
 */
export type LoadReason = 'start' | 'sources' | 'config' | 'retry';

/** Failures that end when an operator mends a durable on the server, as `jetplug apply` and `adopt` do. */
const REFUSALS: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['JP_CONSUMER_NOT_UPDATABLE', 'JP_CONSUMER_FOREIGN']);
/**
 * Failures that may end without a change of the plugin: a cluster elects a leader, or creates the same stream for two
 * hosts, or an operator creates or mends what the plugin needs.
 */
const MAY_PASS: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'JP_BROKER_NO_QUORUM',
  'JP_STORE_UNAVAILABLE',
  'JP_ASSET_MISSING',
  'JP_STREAM_NOT_UPDATABLE',
]);
const RETRY_MS = 5_000;

/** Errors that another file may cause, such as an imported one, although they name the plugin's own file. */
const CAUSED_ELSEWHERE: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'JP_PLUGIN_IMPORT_NOT_FOUND',
  'JP_PLUGIN_CIRCULAR_IMPORT',
  'JP_PLUGIN_IMPORT_ASYNC',
  'JP_PLUGIN_LOAD_FAILED',
  'JP_PLUGIN_CONSTRUCTOR_FAILED',
  'JP_INJECT_INTERFACE',
  'JP_INJECT_UNDECORATED',
  'JP_INJECT_SINGLETON',
  'JP_INJECT_OUTSIDE_PLUGIN',
  'JP_INJECT_FAILED',
  'JP_HANDLER_NO_EVENT',
  'JP_MIDDLEWARE_INVALID',
  'JP_PLUGIN_DUPLICATE_NAME',
  'JP_PLUGIN_DUPLICATE_DURABLE',
]);

/** The parts of a host that all of its plugins share. */
export interface PluginsContext {
  /** Returns the host's services with the newest config, which changes while the host runs. */
  host(): Omit<PluginHost, 'claim'>;
  readonly names: NameRegistry;
  readonly contracts: Pick<ContractRecords, 'publish' | 'withdraw'>;
  readonly reports: ReloadReports;
}

/** The plugin of one file: loads, replaces, rolls back and ends it. Call its methods through {@link inTurn}. */
export class ManagedPlugin {
  /** The definition that was read last. The version that runs may be an earlier one. */
  private lastRead: PluginDefinition | undefined;
  private running: RunningPlugin | undefined;
  /** The version that was rolled back; it is not loaded again before its sources change. */
  private badVersion: string | undefined;
  private state: PluginState = 'loading';
  private errors: readonly JetplugError[] = [];
  private retry: Timer | undefined;
  private last: Promise<unknown> = Promise.resolve();

  constructor(
    readonly file: PluginFile,
    private readonly context: PluginsContext,
  ) {}

  get name(): string {
    const definition = this.running?.definition ?? this.lastRead;
    return definition?.name ?? nameByFile(this.file.file);
  }

  /** The definition that was read last; absent where the plugin could never be read. */
  get definition(): PluginDefinition | undefined {
    return this.lastRead;
  }

  /** The definitions of the version that runs and of the version that was read last, where these exist. */
  get definitions(): PluginDefinition[] {
    return [this.running?.definition, this.lastRead].filter((definition) => definition !== undefined);
  }

  get entry(): PluginEntry {
    const { running, errors, name } = this;
    const definition = running?.definition ?? this.lastRead;
    const handlers = running?.handlers ?? [];
    return {
      file: this.file.file,
      name,
      version: definition?.version,
      definition,
      state: this.state === 'running' ? runningState(handlers) : this.state,
      errors,
      handlers,
      processes: running?.processes,
      reloads: this.context.reports.reloads.of(name),
    };
  }

  /** Whether a change of this file may change the plugin: either the plugin's own file or an imported one. */
  isMadeOf(path: string): boolean {
    return path === this.file.file || this.definitions.some(({ sources }) => sources.has(path));
  }

  /** Whether a change of any other file may remove the plugin's errors. */
  get failedForOthers(): boolean {
    return this.errors.some(({ code, file }) => CAUSED_ELSEWHERE.has(code) || file !== this.file.file);
  }

  /** Does the work when the work of all earlier calls has ended. */
  inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.last.then(work);
    // The caller handles a rejection; only the order matters here.
    this.last = mine.catch(() => undefined);
    return mine;
  }

  /** Starts the plugin, or replaces the version that runs. Never rejects: {@link entry} has the errors. */
  async load(reason: LoadReason): Promise<void> {
    const startedMs = performance.now();
    const { running } = this;
    const before = running?.definition;
    this.retry?.cancel();
    if (!running) this.state = 'loading';
    try {
      const upgrade = running && { running, failed: (error: JetplugError) => this.rollBack(running, error) };
      this.runs(await runPlugin(this.file, this.hostFor(reason), upgrade));
      const outcome = before ? 'swapped' : 'loaded';
      // The host reports all plugins of its start together.
      if (reason === 'start') this.context.reports.record(outcome, this.report(startedMs));
      else this.reportSuccess(outcome, startedMs);
    } catch (error) {
      if (error instanceof NotLoaded) return this.leave(error, startedMs);
      this.context.names.release(this.file.file, before);
      const reported = reason === 'retry' ? this.errors : [];
      const about = { plugin: this.lastRead?.name ?? this.name, file: this.file.file };
      this.fail(errorsOf(error, about, this.context.host()));
      // A reason that lasts is reported once.
      if (textOf(this.errors) !== textOf(reported)) {
        this.context.reports.failed(this.errors, this.report(startedMs), running !== undefined);
      }
      this.retryAfterAWhile(this.errors);
    }
  }

  /** Drains the plugin, whose file is gone, and releases its names. */
  async remove(): Promise<void> {
    const startedMs = performance.now();
    const { running, name } = this;
    await this.stop();
    this.context.names.release(this.file.file);
    this.context.contracts.withdraw(name);
    if (running) this.reportSuccess('removed', startedMs, name);
  }

  /** Ends every wait of the plugin for the server, because the host stops and the server may not answer. */
  quit(): void {
    this.running?.quit();
  }

  /** Drains the plugin. */
  async stop(): Promise<void> {
    this.retry?.cancel();
    await this.running?.stop();
    this.running = undefined;
    this.badVersion = undefined;
    this.state = 'stopped';
    this.errors = [];
  }

  private runs(running: RunningPlugin): void {
    this.running = running;
    this.lastRead = running.definition;
    this.badVersion = undefined;
    this.state = 'running';
    this.errors = [];
    this.publishContracts(running);
  }

  private publishContracts({ definition }: RunningPlugin): void {
    this.context.contracts.publish(definition, this.context.host().config);
  }

  /** Notes the errors. A version that runs already continues to run. */
  private fail(errors: readonly JetplugError[]): void {
    this.errors = errors;
    if (!this.running) this.state = 'failed';
  }

  /** Loads the plugin again if only the server was at fault, since no change of a file would do so. */
  private retryAfterAWhile(errors: readonly JetplugError[]): void {
    // The version that runs watches its own durables, and a refused one may differ from it in its stream.
    const mayPass = ({ code }: JetplugError): boolean => MAY_PASS.has(code) || (!this.running && REFUSALS.has(code));
    if (!errors.every(mayPass)) return;
    const retry = async (): Promise<void> => {
      // Another change of the plugin may have come before this turn.
      if (this.errors !== errors) return;
      // A load builds the plugin and calls its onStart, so the server is asked first.
      const isRefused = errors.some(({ code }) => REFUSALS.has(code));
      if (isRefused && (await hasRefusedDurable(this.lastRead, this.context.host()))) this.retryAfterAWhile(errors);
      else await this.load('retry');
    };
    this.retry = this.context.host().time.after(RETRY_MS, () => void this.inTurn(retry));
  }

  private async leave({ why }: NotLoaded, startedMs: number): Promise<void> {
    if (why === 'rolled back before') return;
    const { running, name } = this;
    await this.stop();
    if (running) this.reportSuccess('removed', startedMs, name);
  }

  /** Returns to the version before, because the first events of the running version have all failed. */
  private rollBack(running: RunningPlugin, error: JetplugError): void {
    const bad = running.definition;
    const startedMs = performance.now();
    this.inTurn(async () => {
      if (this.running !== running || !(await running.rollBack(bad))) return;
      this.context.names.release(this.file.file, running.definition);
      this.badVersion = bad.version;
      this.publishContracts(running);
      this.fail([error]);
      this.context.reports.rolledBack(error, this.report(startedMs));
    }).catch((cause: unknown) =>
      this.context.host().log.error('a plugin could not be rolled back', { plugin: this.name, err: cause }),
    );
  }

  private hostFor(reason: LoadReason): PluginHost {
    const host = this.context.host();
    return {
      ...host,
      claim: (plugin) => {
        this.lastRead = plugin;
        if (host.config.plugins.sections[plugin.name]?.enabled === false) throw new NotLoaded('disabled');
        if (reason === 'sources' && plugin.version === this.badVersion) throw new NotLoaded('rolled back before');
        this.context.names.take(plugin);
      },
    };
  }

  private report(startedMs: number): ReloadReport {
    return { plugin: this.name, file: this.file.file, version: this.lastRead?.version, startedMs };
  }

  private reportSuccess(outcome: 'loaded' | 'swapped' | 'removed', startedMs: number, plugin = this.name): void {
    this.context.reports.succeeded(outcome, { ...this.report(startedMs), plugin }, this.running?.handlers);
  }
}

/** Returns the errors of a failed load, with the plugin's name and file, and the place of a setting in the config. */
function errorsOf(
  thrown: unknown,
  details: { readonly plugin: string; readonly file: string },
  { sourceOf }: Pick<PluginHost, 'sourceOf'>,
): JetplugError[] {
  return errorsIn(thrown)
    .map((error) =>
      isJetplugError(error)
        ? error.with(details)
        : new JetplugError('JP_INTERNAL', error.message, { ...details, cause: error }),
    )
    .map((error) => (sourceOf ? atSettings(error, sourceOf) : error));
}

/** Whether the server still has a durable of the plugin that the host must not use, or does not answer. */
async function hasRefusedDurable(
  plugin: PluginDefinition | undefined,
  { broker, streams, config }: Omit<PluginHost, 'claim'>,
): Promise<boolean> {
  try {
    for (const handler of plugin?.handlers ?? []) await broker.checkDurable(specOf(plugin!, handler, streams, config));
    return false;
  } catch {
    return true; // The reason was reported when the plugin failed, and the next look comes soon.
  }
}

function textOf(errors: readonly JetplugError[]): string {
  return errors.map(({ code, message }) => `${code} ${message}`).join();
}

/** Thrown when the plugin was read but must not run. */
class NotLoaded extends Error {
  constructor(readonly why: 'disabled' | 'rolled back before') {
    super(why);
  }
}
