import type { JetplugError } from '../../sdk/internal';
import type { CompiledPlugin } from '../load/compile';
import { nameByFile, type PluginFile } from '../load/discover';
import { isolationInSource } from '../load/isolation-in-source';
import { isIsolated } from '../load/isolation-options';
import { readSource } from '../load/module-graph';
import type { Candidate, ClaimedCandidate, DescribedCandidate } from './candidate';
import { compileInline, InlineCandidate } from './inline-candidate';
import { compileIsolated } from './isolated-candidate';
import type { PluginHost } from './plugin-host';
import { RunningPlugin } from './running-plugin';
import { step } from './step';
import type { PluginVersion } from './version';
import { reconcileVersion, type ReconciledVersion } from './version-plan';

/** A running plugin that is to get a new version. */
export interface Upgrade {
  readonly running: RunningPlugin;
  /** Called when the first events of the new version all fail. */
  failed(error: JetplugError): void;
}

/**
 * Runs a plugin, from the file that `discover` has found until it consumes events. {@link RunningPlugin.stop} of the
 * result drains the plugin. Each step takes the object that the step before returns. If a step fails, everything that
 * the steps before have made is released, and a version that runs already continues to run.
 * @param source the plugin's file, or the class that a test has imported
 * @param upgrade absent for a plugin that does not run yet
 * @throws JetplugError, or an AggregateError of several
 */
export async function runPlugin(
  source: PluginFile | CompiledPlugin,
  host: PluginHost,
  upgrade?: Upgrade,
): Promise<RunningPlugin> {
  const compiled = await compile(source, host);
  const described = await step(compiled, describe, host.log.child({ plugin: nameByFile(source.file) }));
  const log = host.log.child({ plugin: described.definition.name });
  const claimed = await step(described, (plugin) => claim(plugin, host), log);
  const version = await step(claimed, instantiate, log);
  const reconciled = await step(version, (plugin) => reconcile(plugin, host, upgrade), log);
  return step(reconciled, (plugin) => consume(plugin, host, upgrade), log);
}

/**
 * Compiles the plugin, in the host or in a process of its own.
 * @throws JetplugError when the file cannot be compiled, loaded or exports no plugin
 */
async function compile(source: PluginFile | CompiledPlugin, host: PluginHost): Promise<Candidate> {
  if ('cls' in source) return new InlineCandidate(source, host);
  const known = isolationInSource(source.file, readSource(source.file), host.config.plugins);
  return isIsolated(known) ? compileIsolated(source, known, host) : compileInline(source, host);
}

/**
 * Reads the plugin's definition.
 * @throws AggregateError of all problems with the decorators, the options and the dependencies
 */
function describe(plugin: Candidate): Promise<DescribedCandidate> {
  return plugin.describe();
}

/**
 * Takes the plugin's name and durables.
 * @throws JetplugError `JP_PLUGIN_DUPLICATE_NAME` or `JP_PLUGIN_DUPLICATE_DURABLE`
 */
function claim(plugin: DescribedCandidate, host: PluginHost): ClaimedCandidate {
  host.claim(plugin.definition);
  return Object.assign(plugin, { claimed: true as const });
}

/**
 * Builds the plugin and starts it.
 * @throws JetplugError when the settings do not fit, the constructor or `onStart` throws, or the start takes too long
 */
function instantiate(plugin: ClaimedCandidate): Promise<PluginVersion> {
  return plugin.instantiate();
}

/**
 * Prepares the durables of the plugin's handlers.
 * @throws JetplugError when there is no stream, or a durable is another deployment's or would have to be created anew
 */
function reconcile(version: PluginVersion, host: PluginHost, upgrade?: Upgrade): Promise<ReconciledVersion> {
  return upgrade ? upgrade.running.reconcile(version) : reconcileVersion(version, [], host);
}

async function consume(next: ReconciledVersion, host: PluginHost, upgrade?: Upgrade): Promise<RunningPlugin> {
  if (!upgrade) return RunningPlugin.begin(next, host);
  await upgrade.running.swap(next, (error) => upgrade.failed(error));
  return upgrade.running;
}
