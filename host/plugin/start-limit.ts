import { JetplugError } from '../../sdk/internal';
import { machineTime, type Timer } from '../base/time';
import type { PluginDefinition } from '../load/describe';
import type { PluginHost } from './plugin-host';

/**
 * Resolves with the work's result. Rejects if the work takes longer than `plugins.startTimeoutMs`, because a
 * constructor or an `onStart` that never ends must not block the start of the host.
 * @param abandoned called when the time is up; the work continues, and nothing waits for it
 * @throws JetplugError `JP_PLUGIN_LOAD_TIMEOUT`
 */
export async function withinStartLimit<T>(
  work: Promise<T>,
  { className, name, where }: Pick<PluginDefinition, 'className' | 'name' | 'where'>,
  host: PluginHost,
  abandoned: () => void,
): Promise<T> {
  const limitMs = host.config.plugins.startTimeoutMs;
  let timer: Timer | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = (host.startTime ?? machineTime).after(limitMs, () => {
      const message = `${className} did not start within ${limitMs} ms`;
      reject(new JetplugError('JP_PLUGIN_LOAD_TIMEOUT', message, { plugin: name, ...where }));
      abandoned();
    });
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    timer?.cancel();
  }
}
