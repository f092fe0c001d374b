import { processStarts } from '../isolation/isolated-plugin';
import type { JetplugError } from '../../sdk/internal';
import { IsolatedPlugin } from '../isolation/isolated-plugin';
import { forgetClasses } from '../load/classes';
import { compile, type CompiledPlugin } from '../load/compile';
import { describe, type DescribedPlugin } from '../load/describe';
import { nameByFile, type PluginFile } from '../load/discover';
import { isIsolated, type IsolatedPolicy } from '../load/isolation-options';
import { isolationInSource } from '../load/isolation-in-source';
import type { PluginHost } from './plugin-host';
import { RunningPlugin } from './running-plugin';
import { inTime, PluginVersion } from './version';
import { readModules, readSource } from '../load/module-graph';

/**
 * A plugin's life, from the file that was discovered to where it consumes; `stop` of what it returns is the rest:
 * compile → describe → claim → contain → reconcile → consume, and drain.
 * @param running the plugin as it runs, which is then given its new version
 * @param rollBack told when the new version turns out to fail at everything
 * @throws JetplugError, or an AggregateError of several; then what runs runs on
 */
export async function runPlugin(
  file: PluginFile,
  host: PluginHost,
  running: RunningPlugin | undefined,
  rollBack: (error: JetplugError) => void,
): Promise<RunningPlugin> {
  const version = await prepare(file, host);
  try {
    if (!running) return await RunningPlugin.begin(version, host);
    await running.swap(version, host.config.delivery, rollBack);
    return running;
  } catch (error) {
    await version.close(host.log);
    throw error;
  }
}

/** The same from where the plugin's class is loaded, of one that does not run yet. */
export async function runCompiled(compiled: CompiledPlugin, host: PluginHost): Promise<RunningPlugin> {
  const version = await prepareInline(compiled, described(compiled, host), host);
  try {
    return await RunningPlugin.begin(version, host);
  } catch (error) {
    await version.close(host.log);
    throw error;
  }
}

/** A version that could run, beside the one that does. */
async function prepare(file: PluginFile, host: PluginHost): Promise<PluginVersion> {
  const told = isolationInSource(file.file, readSource(file.file), host.config.plugins);
  if (isIsolated(told)) return prepareIsolated(file, told, host);
  const compiled = compile(file);
  const definition = described(compiled, host);
  if (!isIsolated(definition.isolation)) return prepareInline(compiled, definition, host);
  // Its text did not tell so.
  forgetClasses(compiled.classes);
  return prepareIsolated(file, definition.isolation, host);
}

function described(compiled: CompiledPlugin, host: PluginHost): DescribedPlugin {
  try {
    return describe(compiled, host.config);
  } catch (error) {
    forgetClasses(compiled.classes);
    throw error;
  }
}

async function prepareInline(
  compiled: CompiledPlugin,
  definition: DescribedPlugin,
  host: PluginHost,
): Promise<PluginVersion> {
  try {
    host.claim(definition);
    return await PluginVersion.open(compiled, definition, host);
  } catch (error) {
    forgetClasses(compiled.classes);
    throw error;
  }
}

/** The same, of one whose code the host does not run. */
function prepareIsolated(file: PluginFile, policy: IsolatedPolicy, host: PluginHost): Promise<PluginVersion> {
  // The time that it may take begins with its turn.
  return processStarts.take(() => startIsolated(file, policy, host));
}

async function startIsolated(file: PluginFile, policy: IsolatedPolicy, host: PluginHost): Promise<PluginVersion> {
  const { config, log, time } = host;
  const modules = readModules(file.file);
  const plugin = new IsolatedPlugin({ file: file.file, modules, plugins: config.plugins, policy, log, time });
  const name = nameByFile(file.file);
  try {
    const known = { name, className: name, where: { file: file.file, line: 1 } };
    await inTime(plugin.load(), known, host, () => plugin.end());
    host.claim(plugin.definition);
    return await PluginVersion.openIsolated(plugin, host);
  } catch (error) {
    plugin.end();
    throw error;
  }
}
