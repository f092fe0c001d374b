import { isJetplugError, JetplugError, type ErrorCode } from '../../sdk/internal';
import { Claims } from './claims';
import type { ConsumingHandler } from './consume';
import type { PluginDefinition } from './describe';
import { nameByFile, type PluginFile } from './discover';
import type { PluginHost } from './plugin-host';
import { runPlugin, type RunningPlugin } from './run-plugin';

export type PluginState = 'loading' | 'running' | 'waiting' | 'failed' | 'stopped';

/** A plugin file and what became of it. */
export interface PluginEntry {
  readonly file: string;
  /** The plugin's name, or the file's where it could not be read. */
  readonly name: string;
  readonly version: string | undefined;
  /** Of the version that runs, else of the one that does not; absent where it could not be read. */
  readonly definition: PluginDefinition | undefined;
  readonly state: PluginState;
  /** Why it does not run, or why its newest version does not. */
  readonly errors: readonly JetplugError[];
  readonly handlers: readonly ConsumingHandler[];
}

/** The plugins of a host, by file: starts, replaces and ends them, each file's changes one after the other. */
export class Plugins {
  private readonly slots = new Map<string, Slot>();
  private readonly claims = new Claims();

  constructor(private readonly host: Omit<PluginHost, 'claim'>) {}

  get entries(): PluginEntry[] {
    return [...this.slots.values()].map((slot) => slot.entry).sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Starts a plugin, or replaces the running version of its file. Never rejects: what fails is in its entry. */
  load(file: PluginFile): Promise<PluginEntry> {
    const slot = this.slots.get(file.file) ?? new Slot(file);
    this.slots.set(file.file, slot);
    return slot.inTurn(async () => {
      // Its file may have been gone, and the slot with it, while this waited for its turn.
      this.slots.set(file.file, slot);
      await this.start(slot);
      return slot.entry;
    });
  }

  /** Drains the plugin of a file that is gone. */
  async remove(file: string): Promise<void> {
    const slot = this.slots.get(file);
    await slot?.inTurn(async () => {
      const { running, name } = slot;
      await running?.stop();
      slot.end();
      this.slots.delete(file);
      this.claims.release(file);
      if (running) this.host.log.info('a plugin is removed', { plugin: name, file });
    });
  }

  /** The other files that a change of this one concerns: their plugins import it, or failed for what it may have mended. */
  concernedBy(path: string): PluginFile[] {
    const others = [...this.slots.values()].filter(({ file }) => file.file !== path);
    return others.filter((slot) => slot.sources.has(path) || slot.failedForOthers).map(({ file }) => file);
  }

  /** Drains them all. */
  async stop(): Promise<void> {
    await Promise.all(
      [...this.slots.values()].map((slot) =>
        slot.inTurn(async () => {
          await slot.running?.stop();
          slot.end();
        }),
      ),
    );
  }

  private async start(slot: Slot): Promise<void> {
    const before = slot.running;
    slot.begin();
    try {
      slot.run(await runPlugin(slot.file, this.hostOf(slot), before));
    } catch (error) {
      if (error instanceof Disabled) {
        await before?.stop();
        slot.end();
        return;
      }
      this.claims.release(slot.file.file, before?.definition);
      slot.fail(errorsOf(error, slot));
      for (const failure of slot.entry.errors) this.report(failure, slot, before !== undefined);
    }
  }

  private hostOf(slot: Slot): PluginHost {
    return {
      ...this.host,
      claim: (plugin) => {
        slot.definition = plugin;
        if (this.host.config.plugins.sections[plugin.name]?.enabled === false) throw new Disabled();
        this.claims.take(plugin);
      },
    };
  }

  private report(error: JetplugError, slot: Slot, keeps: boolean): void {
    const { code, message, hint, file, line } = error;
    this.host.log.error(keeps ? 'a plugin’s new version fails; the old one runs on' : 'a plugin fails', {
      plugin: slot.name,
      file: file ?? slot.file.file,
      ...(line === undefined ? {} : { line }),
      code,
      error: message,
      hint,
      ...(error.cause === undefined ? {} : { err: error.cause }),
    });
  }
}

const FOR_OTHERS: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'JP_PLUGIN_IMPORT_NOT_FOUND',
  'JP_PLUGIN_LOAD_FAILED',
  'JP_PLUGIN_DUPLICATE_NAME',
  'JP_PLUGIN_DUPLICATE_DURABLE',
]);

/** One file's place among the plugins. */
class Slot {
  definition: PluginDefinition | undefined;
  running: RunningPlugin | undefined;
  private state: PluginState = 'loading';
  private errors: readonly JetplugError[] = [];
  private last: Promise<unknown> = Promise.resolve();

  constructor(readonly file: PluginFile) {}

  get name(): string {
    return this.definition?.name ?? nameByFile(this.file.file);
  }

  get sources(): ReadonlyMap<string, string> {
    return this.definition?.sources ?? new Map([[this.file.file, '']]);
  }

  get entry(): PluginEntry {
    const { file, running, errors, name } = this;
    const handlers = running?.handlers ?? [];
    const waiting = this.state === 'running' && handlers.some((handler) => handler.state === 'waiting');
    const definition = running?.definition ?? this.definition;
    const version = definition?.version;
    return { file: file.file, name, version, definition, state: waiting ? 'waiting' : this.state, errors, handlers };
  }

  /** Whether what keeps the plugin from running may lie in another file. */
  get failedForOthers(): boolean {
    return this.errors.some(({ code, file }) => FOR_OTHERS.has(code) || file !== this.file.file);
  }

  inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.last.then(work);
    this.last = mine.catch(() => undefined); // the caller has it; here only the order counts
    return mine;
  }

  begin(): void {
    if (!this.running) this.state = 'loading';
  }

  run(running: RunningPlugin): void {
    this.running = running;
    this.definition = running.definition;
    this.state = 'running';
    this.errors = [];
  }

  fail(errors: readonly JetplugError[]): void {
    this.errors = errors;
    if (!this.running) this.state = 'failed';
  }

  end(): void {
    this.running = undefined;
    this.state = 'stopped';
    this.errors = [];
  }
}

/** The config says that the plugin is not to run. */
class Disabled extends Error {}

function errorsOf(error: unknown, slot: Slot): JetplugError[] {
  if (error instanceof AggregateError) return error.errors.flatMap((inner) => errorsOf(inner, slot));
  if (isJetplugError(error)) return [error.with({ plugin: slot.name, file: slot.file.file })];
  const message = error instanceof Error ? error.message : String(error);
  return [new JetplugError('JP_INTERNAL', message, { plugin: slot.name, file: slot.file.file, cause: error })];
}
