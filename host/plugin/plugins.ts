import { isDeepStrictEqual } from 'node:util';
import { isJetplugError, JetplugError, type ErrorCode } from '../../sdk/internal';
import { errorsIn } from '../base/plain-error';
import type { Config } from '../config/config';
import { atSettings } from '../config/settings-place';
import { NameRegistry } from './name-registry';
import type { PluginDefinition } from '../load/describe';
import type { PluginFile } from '../load/discover';
import type { Faults, Suspect } from './faults';
import type { PluginHost } from './plugin-host';
import { Reloads, type ReloadOutcome } from './reloads';
import { runPlugin } from './run-plugin';
import { ManagedPlugin, type PluginEntry } from './managed-plugin';

export type { PluginEntry, PluginState } from './managed-plugin';

/** Why a plugin is loaded: the host starts, its sources have changed, or its part of the config has. */
export type LoadReason = 'start' | 'sources' | 'config';

/** The plugins of a host, by file: starts, replaces and ends them, each file's changes one after the other. */
export class Plugins {
  readonly reloads = new Reloads();
  private readonly slots = new Map<string, ManagedPlugin>();
  private readonly claims = new NameRegistry();

  constructor(
    private host: Omit<PluginHost, 'claim'>,
    readonly faults: Faults,
  ) {}

  get entries(): PluginEntry[] {
    return [...this.slots.values()]
      .map((slot) => slot.entryWith(this.reloads.of(slot.name)))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** All that could be read: what runs, and what was read last. */
  get definitions(): PluginDefinition[] {
    return [...this.slots.values()].flatMap((slot) => slot.definitions);
  }

  /** All that may be at fault for an error or a blocked event loop. One that is not read yet has its file alone. */
  get suspects(): Suspect[] {
    return [...this.slots.values()].flatMap<Suspect>((slot) =>
      slot.definitions.length > 0 ? slot.definitions : [{ name: slot.name, sources: new Set([slot.file.file]) }],
    );
  }

  /** Starts a plugin, or replaces the running version of its file. Never rejects: what fails is in its entry. */
  load(file: PluginFile, reason: LoadReason = 'start'): Promise<PluginEntry> {
    const slot = this.slots.get(file.file) ?? new ManagedPlugin(file);
    this.slots.set(file.file, slot);
    return slot.inTurn(async () => {
      // Its file may have been gone, and the slot with it, while this waited for its turn.
      this.slots.set(file.file, slot);
      await this.start(slot, reason);
      return slot.entryWith(this.reloads.of(slot.name));
    });
  }

  /** Drains the plugin of a file that is gone. */
  async remove(file: string): Promise<void> {
    const slot = this.slots.get(file);
    await slot?.inTurn(async () => {
      const startedMs = performance.now();
      const { running, name } = slot;
      await running?.stop();
      slot.end();
      this.slots.delete(file);
      this.claims.release(file);
      if (running) this.note(slot, name, 'removed', startedMs);
    });
  }

  /** The plugins that changes of these files concern: made of one of them, or failed for what one may have mended. */
  concernedBy(paths: readonly string[]): PluginFile[] {
    return [...this.slots.values()]
      .filter((slot) => slot.failedForOthers || paths.some((path) => slot.isMadeOf(path)))
      .map(({ file }) => file);
  }

  /** Those that are loaded from below a folder. */
  filesIn(root: string): string[] {
    return [...this.slots.values()].filter(({ file }) => file.root === root).map(({ file }) => file.file);
  }

  /** From here on the config says this of plugins; those that it concerns are loaded anew. */
  async reconfigure(config: Config): Promise<void> {
    const concerned = [...this.slots.values()].filter(
      (slot) => slot.definition && configChanged(slot.definition, this.host.config, config),
    );
    this.host = { ...this.host, config };
    await Promise.all(concerned.map(({ file }) => this.load(file, 'config')));
  }

  /** Drains them all. */
  async stop(): Promise<void> {
    await Promise.all(
      [...this.slots.values()].map((slot) => {
        // What it may be busy with must not wait for a server that does not answer.
        slot.running?.quit();
        return slot.inTurn(async () => {
          await slot.running?.stop();
          slot.end();
        });
      }),
    );
  }

  private async start(slot: ManagedPlugin, reason: LoadReason): Promise<void> {
    const startedMs = performance.now();
    const before = slot.running;
    const beforeDefinition = before?.definition;
    slot.begin();
    try {
      const host = this.hostOf(slot, reason);
      slot.run(await runPlugin(slot.file, host, before, (error) => this.rollBack(slot, error)));
      this.note(slot, slot.name, before ? 'swapped' : 'loaded', startedMs, { quiet: reason === 'start' });
    } catch (error) {
      if (error instanceof Unwanted) return this.leave(slot, error, startedMs);
      this.claims.release(slot.file.file, beforeDefinition);
      const { sourceOf } = this.host;
      slot.fail(errorsOf(error, slot).map((one) => (sourceOf ? atSettings(one, sourceOf) : one)));
      const [first] = slot.entryWith([]).errors;
      const refused = before !== undefined && first !== undefined && REFUSALS.has(first.code);
      this.note(slot, slot.name, refused ? 'refused' : 'failed', startedMs, { ...(first && { error: first }) });
      for (const failure of slot.entryWith([]).errors) this.report(failure, slot, before !== undefined);
    }
  }

  /** The plugin is not to run, or its version is known to be bad. */
  private async leave(slot: ManagedPlugin, { why }: Unwanted, startedMs: number): Promise<void> {
    if (why === 'known to be bad') return;
    const { running, name } = slot;
    await running?.stop();
    slot.end();
    if (running) this.note(slot, name, 'removed', startedMs);
  }

  /** The first events of what runs all failed: the version before is taken back. */
  private rollBack(slot: ManagedPlugin, error: JetplugError): void {
    const { running } = slot;
    const bad = running?.definition;
    if (!running || !bad) return;
    const startedMs = performance.now();
    slot
      .inTurn(async () => {
        if (slot.running !== running || !(await running.rollBack(bad))) return;
        this.claims.release(slot.file.file, running.definition);
        slot.badVersion = bad.version;
        slot.fail([error]);
        this.note(slot, slot.name, 'rolled-back', startedMs, { error });
        this.report(error, slot, true);
      })
      .catch((cause: unknown) =>
        this.host.log.error('a plugin could not be rolled back', { plugin: slot.name, err: cause }),
      );
  }

  private hostOf(slot: ManagedPlugin, reason: LoadReason): PluginHost {
    return {
      ...this.host,
      claim: (plugin) => {
        slot.definition = plugin;
        if (this.host.config.plugins.sections[plugin.name]?.enabled === false) throw new Unwanted('disabled');
        if (reason === 'sources' && plugin.version === slot.badVersion) throw new Unwanted('known to be bad');
        this.claims.take(plugin);
      },
    };
  }

  private note(
    slot: ManagedPlugin,
    name: string,
    outcome: ReloadOutcome,
    startedMs: number,
    { error, quiet = false }: { error?: JetplugError; quiet?: boolean } = {},
  ): void {
    const tookMs = Math.round(performance.now() - startedMs);
    const version = error ? slot.definition?.version : (slot.running?.definition ?? slot.definition)?.version;
    const known = { tookMs, ...(version !== undefined && { version }) };
    this.reloads.note(name, {
      outcome,
      time: new Date().toISOString(),
      ...known,
      ...(error && { error: error.toJSON() }),
    });
    if (error || quiet) return;
    const handlers = slot.running?.handlers.map(({ durable }) => `${durable.subject} → ${durable.durable}`);
    this.host.log.info(SAID[outcome], { plugin: name, file: slot.file.file, outcome, handlers, ...known });
  }

  private report(error: JetplugError, slot: ManagedPlugin, keeps: boolean): void {
    const { code, message, hint, file, line } = error;
    this.host.log.error(saidOfFailure(code, keeps), {
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

const SAID: Readonly<Record<ReloadOutcome, string>> = {
  loaded: 'a plugin is loaded',
  swapped: 'a plugin has a new version',
  failed: 'a plugin fails',
  refused: 'a plugin’s new version is refused',
  'rolled-back': 'a plugin is rolled back',
  removed: 'a plugin is removed',
};

function saidOfFailure(code: ErrorCode, keeps: boolean): string {
  if (code === 'JP_PLUGIN_ROLLED_BACK') return 'a plugin’s new version failed at everything; the one before is back';
  if (!keeps) return SAID.failed;
  return REFUSALS.has(code)
    ? 'a plugin’s new version is refused; the old one runs on'
    : 'a plugin’s new version fails; the old one runs on';
}

/** The version is sound by itself, but its durables cannot be made what it asks for. */
const REFUSALS: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'JP_CONSUMER_NOT_UPDATABLE',
  'JP_CONSUMER_FOREIGN',
  'JP_HANDLER_NO_STREAM',
]);

/** There is a plugin, but it is not to be started. */
class Unwanted extends Error {
  constructor(readonly why: 'disabled' | 'known to be bad') {
    super(why);
  }
}

function errorsOf(thrown: unknown, slot: ManagedPlugin): JetplugError[] {
  const plugin = slot.definition?.name ?? slot.name;
  const details = { plugin, file: slot.file.file };
  return errorsIn(thrown).map((error) =>
    isJetplugError(error)
      ? error.with(details)
      : new JetplugError('JP_INTERNAL', error.message, { ...details, cause: error }),
  );
}

/** Whether the defaults or the plugin's section of the config differ. */
function configChanged({ name }: PluginDefinition, before: Config, after: Config): boolean {
  const partOf = ({ plugins }: Config): object => ({ defaults: plugins.defaults, section: plugins.sections[name] });
  return !isDeepStrictEqual(partOf(before), partOf(after));
}
