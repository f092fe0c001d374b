import { EventBus, Logger, type Publishable } from '../../sdk';
import type { EventContract } from '../../sdk/internal';
import { checkFields, subjectOf } from '../effects/publishable';
import type { StoreTexts } from '../effects/text-store';
import type { PluginServices } from '../load/injectables';
import { systemClock } from '../base/time';

/** The services of a plugin while it is checked: a store in memory, a bus that sends nothing, and a silent log. */
export function checkServices(): PluginServices {
  return {
    log: new SilentLogger(),
    clock: systemClock,
    bus: new IdleBus(),
    openTexts: () => Promise.resolve(new MemoryTexts()),
  };
}

class SilentLogger extends Logger {
  debug(): void {
    // Nobody reads the log of a check.
  }
  info(): void {
    // Nobody reads the log of a check.
  }
  warn(): void {
    // Nobody reads the log of a check.
  }
  error(): void {
    // Nobody reads the log of a check.
  }
}

class IdleBus extends EventBus {
  async publish<E extends EventContract | string>(event: E, fields: Publishable<E>): Promise<string> {
    await checkFields(event, subjectOf(event), fields);
    return 'not-sent';
  }
}

class MemoryTexts implements StoreTexts {
  private readonly texts = new Map<string, string>();

  get(key: string, scope?: string): Promise<string | undefined> {
    return Promise.resolve(this.texts.get(nameOf(key, scope)));
  }

  async change(
    key: string,
    scope: string | undefined,
    change: Parameters<StoreTexts['change']>[2],
  ): Promise<string | undefined> {
    const next = await change(this.texts.get(nameOf(key, scope)));
    if (next === undefined) this.texts.delete(nameOf(key, scope));
    else this.texts.set(nameOf(key, scope), next);
    return next;
  }

  commit(): Promise<void> {
    return Promise.resolve();
  }

  keys(scope?: string): Promise<string[]> {
    const prefix = nameOf('', scope);
    return Promise.resolve(
      [...this.texts.keys()].filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length)),
    );
  }
}

function nameOf(key: string, scope = ''): string {
  return `${scope}\n${key}`;
}
