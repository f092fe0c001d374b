import { forgetClasses } from './classes';
import { compile, type CompiledPlugin } from './compile';
import { describe } from './describe';
import type { PluginFile } from './discover';
import type { PluginHost } from './plugin-host';
import { RunningPlugin } from './running-plugin';
import { PluginVersion } from './version';
import type { JetplugError } from '../../sdk/internal';

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
  const version = await prepare(compile(file), host);
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
  const version = await prepare(compiled, host);
  try {
    return await RunningPlugin.begin(version, host);
  } catch (error) {
    await version.close(host.log);
    throw error;
  }
}

/** A version that could run, beside the one that does. */
async function prepare(compiled: CompiledPlugin, host: PluginHost): Promise<PluginVersion> {
  try {
    const definition = describe(compiled, host.config);
    host.claim(definition);
    return await PluginVersion.open(compiled, definition, host);
  } catch (error) {
    forgetClasses(compiled.classes);
    throw error;
  }
}
