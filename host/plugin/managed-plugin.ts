import type { ErrorCode, JetplugError } from '../../sdk/internal';
import type { ConsumingHandler } from './consume';
import type { PluginDefinition } from '../load/describe';
import { nameByFile, type PluginFile } from '../load/discover';
import type { ProcessState } from '../load/plugin-code';
import type { Reload } from './reloads';
import type { RunningPlugin } from './running-plugin';

export type PluginState = 'loading' | 'running' | 'waiting' | 'paused' | 'failed' | 'stopped';

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
  /** Those that it has to itself, where it is isolated and runs. */
  readonly processes: readonly ProcessState[] | undefined;
  /** What became of its last changes, the newest last. */
  readonly reloads: readonly Reload[];
}

/** What may be mended in a file that the plugin imports, though the error names the plugin's own. */
const FOR_OTHERS: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
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
  'JP_PLUGIN_DUPLICATE_NAME',
  'JP_PLUGIN_DUPLICATE_DURABLE',
]);

/** One file's place among the plugins. */
export class ManagedPlugin {
  /** As it was last read; what runs may be an earlier version. */
  definition: PluginDefinition | undefined;
  running: RunningPlugin | undefined;
  /** The version that was taken back: it is not tried again. */
  badVersion: string | undefined;
  private state: PluginState = 'loading';
  private errors: readonly JetplugError[] = [];
  private last: Promise<unknown> = Promise.resolve();

  constructor(readonly file: PluginFile) {}

  get name(): string {
    const definition = this.running?.definition ?? this.definition;
    return definition?.name ?? nameByFile(this.file.file);
  }

  /** Whether the file's plugin is made of this one, as it runs or as it was last read. */
  isMadeOf(path: string): boolean {
    if (path === this.file.file) return true;
    return this.definitions.some(({ sources }) => sources.has(path));
  }

  /** What runs, and what was read last. */
  get definitions(): PluginDefinition[] {
    return [this.running?.definition, this.definition].filter((definition) => definition !== undefined);
  }

  entryWith(reloads: readonly Reload[]): PluginEntry {
    const { running, errors, name } = this;
    const { file } = this.file;
    const handlers = running?.handlers ?? [];
    const states = new Set(handlers.map((handler) => handler.state));
    const definition = running?.definition ?? this.definition;
    const version = definition?.version;
    const kept = states.has('waiting') ? 'waiting' : states.has('paused') ? 'paused' : this.state;
    const state = this.state === 'running' ? kept : this.state;
    return { file, name, version, definition, state, errors, handlers, processes: running?.processes, reloads };
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
    this.badVersion = undefined;
    this.state = 'running';
    this.errors = [];
  }

  /** What runs, runs on. */
  fail(errors: readonly JetplugError[]): void {
    this.errors = errors;
    if (!this.running) this.state = 'failed';
  }

  end(): void {
    this.running = undefined;
    this.badVersion = undefined;
    this.state = 'stopped';
    this.errors = [];
  }
}
