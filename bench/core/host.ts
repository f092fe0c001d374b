import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { JETPLUG, PACKAGE_ROOT } from '../../examples/demo/host-process';
import { parseMetrics } from '../../examples/demo/metrics';
import { STREAM_CONFIG } from './ground';
import { MeasuredProcess } from './measured-process';
import type { Start } from './worker';

export interface HostOptions {
  /** The name of a plugin in `bench/plugins/`. */
  readonly plugin: string;
  /** How many copies of it, each with its own name. */
  readonly copies?: number;
  /** The plugin’s section of the config. */
  readonly section?: object;
  /** `tracing.sample`. Default: as configured by default. */
  readonly sample?: number | 'off';
}

/** The files that the plugins import. */
const HELPERS = ['contract.ts', 'burn.ts'];

/** Starts a host as a user does: `jetplug start` with a config file and a plugins folder. */
export function host({ plugin, copies = 1, section, sample }: HostOptions): Start {
  return async ({ folder, url, signal }, amounts) => {
    const [plugins, config] = [join(folder, 'plugins'), join(folder, 'config.json')];
    await rm(plugins, { recursive: true, force: true });
    await mkdir(plugins);
    await writePlugins(plugins, plugin, copies);
    // JSON is valid YAML.
    const sections = section && { plugins: { [plugin]: section } };
    const tracing = sample !== undefined && { tracing: { sample } };
    await writeFile(config, JSON.stringify({ streams: [STREAM_CONFIG], ...sections, ...tracing }));
    const flags = ['--json', '--http', '127.0.0.1:0', '--servers', url, '--config', config, '--plugins', plugins];
    const process = new MeasuredProcess({ args: [JETPLUG, 'start', ...flags], folder, ...amounts, signal });
    try {
      const { line, tookMs } = await process.whenReady();
      const http = String(line['http']);
      return { process, tookMs, url: http, check: (deliveries) => checkMetrics(http, copies, deliveries) };
    } catch (error) {
      await process.stop();
      throw error;
    }
  };
}

async function writePlugins(folder: string, plugin: string, copies: number): Promise<void> {
  const sources = join(PACKAGE_ROOT, 'bench', 'plugins');
  for (const helper of HELPERS) await writeFile(join(folder, helper), await readFile(join(sources, helper)));
  const source = await readFile(join(sources, `${plugin}.plugin.ts`), 'utf8');
  if (copies === 1) return writeFile(join(folder, `${plugin}.plugin.ts`), source);
  // A plugin’s name comes from its class.
  for (let i = 0; i < copies; i++) {
    const own = source.replace(/class (\w+)Plugin/, `class $1${i}Plugin`);
    await writeFile(join(folder, `${plugin}-${i}.plugin.ts`), own);
  }
}

/** Compares the host’s own metrics with the expected number of deliveries. */
async function checkMetrics(http: string, plugins: number, deliveries: number): Promise<void> {
  const response = await fetch(`${http}/metrics`);
  const handlers = parseMetrics(await response.text());
  const handled = handlers.reduce((sum, handler) => sum + handler.handled, 0);
  if (handlers.length !== plugins || handled !== deliveries) {
    throw new Error(`${handlers.length} handlers count ${handled} events, not ${plugins} and ${deliveries}`);
  }
}
