import { setTimeout as sleep } from 'node:timers/promises';
import { JetplugError } from '../../sdk/internal';
import { JetStreamEventBus } from '../effects/event-bus';
import type { PartedLog } from '../log';
import { forgetClasses } from './classes';
import type { CompiledPlugin } from './compile';
import { contain, lifecycleError, type ContainedPlugin, type PluginServices } from './contain';
import { classesOf } from './dependencies';
import type { PluginDefinition } from './describe';
import type { PluginHost } from './plugin-host';
import { PluginStore } from './plugin-store';

/** How long `onStop` may take: neither the next version nor the host's exit waits for ever. */
const STOP_LIMIT_MS = 10_000;

/** One version of a plugin, built and started; what runs on it is its handlers' affair. */
export class PluginVersion {
  /** What runs on it, or ran. */
  private readonly runs: Promise<unknown>[] = [];

  private constructor(
    readonly definition: PluginDefinition,
    readonly contained: ContainedPlugin,
    private readonly store: PluginStore,
    private readonly compiled: CompiledPlugin,
  ) {}

  /** @throws JetplugError when the plugin cannot be built or started; then nothing of it is left */
  static async open(compiled: CompiledPlugin, definition: PluginDefinition, host: PluginHost): Promise<PluginVersion> {
    const store = new PluginStore(definition.name, host);
    try {
      const settings = host.config.plugins.sections[definition.name]?.settings;
      const services = servicesOf(definition, host, store);
      const contained = await inTime(definition, host, contain(definition, services, settings));
      return new PluginVersion(definition, contained, store, compiled);
    } catch (error) {
      store.release();
      forgetClasses(classesOf(definition.cls));
      throw error;
    }
  }

  /** What has begun on it must end before it may. */
  usedUntil(ended: Promise<unknown>): void {
    this.runs.push(ended);
  }

  /** When the last that runs on it has ended: tells it, and releases what was made for it. Never rejects. */
  async close(log: PartedLog): Promise<void> {
    await Promise.all(this.runs);
    await this.end(log);
    this.store.release();
    forgetClasses([...this.compiled.classes, ...classesOf(this.definition.cls)]);
  }

  private async end(log: PartedLog): Promise<void> {
    const { definition, contained } = this;
    const failed = (error: unknown): void =>
      log.error('a plugin did not stop cleanly', {
        plugin: definition.name,
        err: lifecycleError('JP_PLUGIN_STOP_FAILED', 'onStop', definition, error),
      });
    const ended = stopped(contained).catch(failed);
    const late = Symbol();
    const timer = new AbortController();
    const limit = sleep(STOP_LIMIT_MS, late, { signal: timer.signal }).catch(() => undefined);
    const first = await Promise.race([ended, limit]);
    timer.abort();
    if (first === late)
      failed(new Error(`it has not ended after ${STOP_LIMIT_MS} ms and is not waited for any longer`));
  }
}

async function stopped({ instance, release }: ContainedPlugin): Promise<void> {
  await instance.onStop?.();
  await release();
}

function servicesOf({ name }: PluginDefinition, host: PluginHost, store: PluginStore): PluginServices {
  return {
    log: host.log.child({ plugin: name }),
    clock: host.clock,
    bus: new JetStreamEventBus(host.outgoing, host.clock),
    openStore: () => store.open(),
  };
}

/** A constructor or onStart that never ends must not hold the host's start up. */
async function inTime<T extends { release(): Promise<void> }>(
  plugin: PluginDefinition,
  host: PluginHost,
  work: Promise<T>,
): Promise<T> {
  const limitMs = host.config.plugins.startTimeoutMs;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const message = `${plugin.cls.name} did not start within ${limitMs} ms`;
      reject(new JetplugError('JP_PLUGIN_LOAD_TIMEOUT', message, { plugin: plugin.name, ...plugin.where }));
      // Should it come up after all, nobody will use it.
      work.then(
        (contained) => contained.release(),
        (error: unknown) =>
          host.log.warn('a plugin that was given up failed later', { plugin: plugin.name, err: error }),
      );
    }, limitMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
