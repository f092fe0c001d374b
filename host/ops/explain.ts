import type { ErrorReport } from '../../sdk/internal';
import type { Config, SourceOf } from '../config/config';
import type { IgnoredFrom } from '../broker/durable';
import type { Connection } from '../nats/connection';
import { ignoredFrom } from '../nats/created-from';
import { findDurable } from '../nats/find-durable';
import type { HandlerDefinition } from '../load/describe';
import { nameByFile } from '../load/discover';
import { NO_FAULTS } from '../plugin/faults';
import type { PluginEntry, Plugins, PluginState } from '../plugin/plugins';
import { explainInjected, type ExplainedInjection } from './explain-injected';
import {
  explainIsolation,
  explainOptions,
  whereInConfig,
  type ConfigPlace,
  type ExplainedIsolation,
  type ExplainedOptions,
} from './explain-options';
import { filesNotLoaded, type FileNotLoaded } from './files-not-loaded';
import { positionOf, statusOf, type HandlerStatus, type PluginStatus } from './status';
import { streamFor, type StreamState } from '../broker/stream-state';

/** The explanation of a plugin, as `jetplug plugins NAME --json` shows it. */
export interface ExplainedPlugin extends Omit<PluginStatus, 'state' | 'handlers'> {
  /** The plugin's state. `skipped` means that the file is not a plugin file by its name or place, or is not loaded. */
  readonly state: PluginState | 'skipped';
  readonly class?: string;
  /** The line of the class in the file. */
  readonly line?: number;
  readonly description?: string;
  /** All errors of the plugin, if there are more than the one in `error`. */
  readonly errors?: readonly ErrorReport[];
  /** The place in the config that disables the plugin. */
  readonly disabledBy?: ConfigPlace;
  readonly injected: readonly ExplainedInjection[];
  /** The isolation of the plugin's code; absent where the plugin could not be read. */
  readonly isolation?: ExplainedIsolation;
  readonly handlers: readonly ExplainedHandler[];
}

export interface ExplainedHandler extends Omit<HandlerStatus, 'state' | 'stream'> {
  /** The stream that holds the handler's subject; absent where there is none. */
  readonly stream?: string;
  readonly state: PluginState;
  readonly method: string;
  /** The place of the method. */
  readonly file: string;
  readonly line: number;
  readonly options: ExplainedOptions;
  /** Set if the option `from` has no effect, because the durable has started elsewhere. */
  readonly ignoredFrom?: IgnoredFrom;
  /** The names of the middleware around the handler, the outermost first; absent if the handler has no middleware. */
  readonly middleware?: readonly string[];
}

/** The parts of a host that the explanation needs. */
export interface Explainable {
  readonly plugins: Pick<Plugins, 'entries' | 'faults' | 'definitions'>;
  readonly connection: Connection;
  readonly config: Pick<Config, 'plugins'>;
  readonly sourceOf: SourceOf;
  /** The streams that a handler can subscribe to. */
  readonly streams: readonly StreamState[];
}

/**
 * Explains the plugins with a name. Where there are none, explains the files with that name that are not loaded.
 * @param name the name of a plugin or of a file, or a path
 */
export async function explainPlugins(name: string, host: Explainable): Promise<ExplainedPlugin[]> {
  const { entries } = host.plugins;
  const named = entries.filter((entry) => entry.name === name || isFileOf(name, entry.file));
  if (named.length > 0) return Promise.all(named.map((entry) => explain(entry, host)));
  return filesNotLoaded(entries, host.config.plugins)
    .filter(({ file }) => isFileOf(name, file))
    .map(notLoaded);
}

function isFileOf(name: string, file: string): boolean {
  return file === name || file.endsWith(`/${name}`) || nameByFile(file) === name;
}

async function explain(entry: PluginEntry, host: Explainable): Promise<ExplainedPlugin> {
  const { definition, errors } = entry;
  const status = await statusOf(entry, host.plugins, host.connection);
  if (!definition) return { ...status, ...allOf(errors), injected: [], handlers: [] };
  const disabledBy = disabledIn(definition.name, host);
  return {
    ...status,
    class: definition.className,
    // A class that the file only re-exports has its line in another file.
    ...(definition.where.file === entry.file && { line: definition.where.line }),
    ...(definition.description === undefined ? {} : { description: definition.description }),
    ...allOf(errors),
    ...(disabledBy && { disabledBy }),
    injected: explainInjected(definition, host),
    isolation: explainIsolation(definition, host.sourceOf),
    handlers: await Promise.all(
      definition.handlers.map(async (handler) => ({
        ...(status.handlers.find(({ durable }) => durable === handler.durable) ??
          (await statusAtRest(handler, entry.state, host))),
        method: handler.method,
        ...handler.where,
        options: explainOptions(handler, host.sourceOf),
        ...(await startOf(handler, host)),
        ...(handler.middleware.length > 0 && { middleware: handler.middleware }),
      })),
    ),
  };
}

/** Compares the handler's start with that of its durable, if the server answers. */
async function startOf(
  { subject, durable, from }: HandlerDefinition,
  { streams, connection }: Explainable,
): Promise<Pick<ExplainedHandler, 'ignoredFrom'>> {
  const stream = streamFor(streams, subject);
  if (stream === undefined || !connection.connected) return {};
  const info = await findDurable(connection, stream, durable).catch(() => undefined);
  const ignored = info && ignoredFrom(from, info);
  return ignored ? { ignoredFrom: ignored } : {};
}

/** The place in the config that disables a plugin; undefined for one that is enabled. */
export function disabledIn(plugin: string, { config, sourceOf }: Explainable): ConfigPlace | undefined {
  if (config.plugins.sections[plugin]?.enabled !== false) return undefined;
  return whereInConfig(`plugins.${plugin}.enabled`, sourceOf);
}

function allOf(errors: PluginEntry['errors']): Pick<ExplainedPlugin, 'errors'> {
  return errors.length > 1 ? { errors: errors.map((error) => error.toJSON()) } : {};
}

/** Returns the status of a handler that does not run in this host. Its durable may be on the server all the same. */
async function statusAtRest(
  { name, subject, durable }: HandlerDefinition,
  state: PluginState,
  { streams, connection }: Explainable,
): Promise<Omit<ExplainedHandler, 'options' | 'method' | 'file' | 'line'>> {
  const stream = streamFor(streams, subject);
  const position = stream === undefined ? undefined : await positionOf(connection, stream, durable);
  return {
    handler: name,
    subject,
    ...(stream === undefined ? {} : { stream }),
    durable,
    state,
    ...(position && { pending: position.pending, inFlight: position.inFlight }),
    handled: 0,
    failed: 0,
    retried: 0,
    deadLettered: 0,
    conflicts: 0,
    circuit: 'closed',
  };
}

function notLoaded({ file, error }: FileNotLoaded): ExplainedPlugin {
  const plugin = nameByFile(file);
  const nothing = { injected: [], handlers: [], reloads: [], faults: NO_FAULTS };
  return { plugin, file, state: 'skipped', error: error.toJSON(), ...nothing };
}
