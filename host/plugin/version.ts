import { setTimeout as sleep } from 'node:timers/promises';
import { isJetplugError, JetplugError } from '../../sdk/internal';
import { JetStreamEventBus } from '../effects/event-bus';
import { LateTexts } from '../effects/late-texts';
import type { StoreTexts } from '../effects/text-store';
import { type IsolatedPlugin } from '../isolation/isolated-plugin';
import type { PartedLog } from '../log/log';
import { RunLogger } from '../message/run-logger';
import { forgetClasses } from '../load/classes';
import type { CompiledPlugin } from '../load/compile';
import { instantiate, lifecycleError, type PluginServices } from '../load/instantiate';
import { classesOf } from '../load/dependencies';
import type { DescribedPlugin, PluginDefinition } from '../load/describe';
import { InlineCode, type PluginCode } from '../load/plugin-code';
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
    readonly code: PluginCode,
    /** Releases what the host has made for it. */
    private readonly release: () => void,
  ) {}

  /** @throws JetplugError when the plugin cannot be built or started; then nothing of it is left */
  static async open(compiled: CompiledPlugin, definition: DescribedPlugin, host: PluginHost): Promise<PluginVersion> {
    const store = new PluginStore(definition.name, host);
    const release = (): void => {
      store.release();
      forgetClasses([
        ...compiled.classes,
        ...(compiled.lateClasses ?? []),
        ...classesOf(definition.cls, definition.container),
      ]);
    };
    try {
      const contained = instantiate(definition, servicesOf(definition, host, store), settingsOf(definition, host));
      const late = (): void =>
        void contained.then(
          // Should it come up after all, nobody will use it.
          (unused) => unused.release(),
          (error: unknown) =>
            host.log.warn('a plugin that was given up failed later', { plugin: definition.name, err: error }),
        );
      const built = await inTime(contained, definition, host, late);
      return new PluginVersion(definition, new InlineCode(built), release);
    } catch (error) {
      release();
      throw error;
    }
  }

  /** The same of a plugin that is loaded in a process of its own. */
  static async openIsolated(plugin: IsolatedPlugin, host: PluginHost): Promise<PluginVersion> {
    const { definition } = plugin;
    const store = new PluginStore(definition.name, host);
    const start = async (): Promise<void> => {
      const openTexts = (): Promise<StoreTexts> => store.openTexts();
      const texts = definition.services.includes('store') ? await openTexts() : new LateTexts(openTexts);
      await plugin.start(settingsOf(definition, host), { texts, bus: busOf(host) });
    };
    try {
      await inTime(start(), definition, host, () => plugin.end());
      return new PluginVersion(definition, plugin, () => store.release());
    } catch (error) {
      store.release();
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
    this.code.end();
    this.release();
  }

  private async end(log: PartedLog): Promise<void> {
    const { definition, code } = this;
    const failed = (error: unknown): void =>
      log.error('a plugin did not stop cleanly', {
        plugin: definition.name,
        err: isJetplugError(error) ? error : lifecycleError('JP_PLUGIN_STOP_FAILED', 'onStop', definition, error),
      });
    const ended = code.stop().catch(failed);
    const late = Symbol();
    const timer = new AbortController();
    const limit = sleep(STOP_LIMIT_MS, late, { signal: timer.signal }).catch(() => undefined);
    const first = await Promise.race([ended, limit]);
    timer.abort();
    if (first === late)
      failed(new Error(`it has not ended after ${STOP_LIMIT_MS} ms and is not waited for any longer`));
  }
}

function settingsOf({ name }: PluginDefinition, host: PluginHost): unknown {
  return host.config.plugins.sections[name]?.settings;
}

function busOf({ outgoing, clock }: PluginHost): JetStreamEventBus {
  return new JetStreamEventBus(outgoing, clock);
}

function servicesOf({ name }: PluginDefinition, host: PluginHost, store: PluginStore): PluginServices {
  return {
    log: new RunLogger(host.log.child({ plugin: name })),
    clock: host.clock,
    bus: busOf(host),
    openTexts: () => store.openTexts(),
  };
}

/**
 * A constructor or onStart that never ends must not hold the host's start up.
 * @param late called when the work is given up
 */
export async function inTime<T>(
  work: Promise<T>,
  { className, name, where }: Pick<PluginDefinition, 'className' | 'name' | 'where'>,
  host: PluginHost,
  givenUp: () => void,
): Promise<T> {
  const limitMs = host.config.plugins.startTimeoutMs;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const message = `${className} did not start within ${limitMs} ms`;
      reject(new JetplugError('JP_PLUGIN_LOAD_TIMEOUT', message, { plugin: name, ...where }));
      givenUp();
    }, limitMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
