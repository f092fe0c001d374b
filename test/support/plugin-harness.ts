/** The injectables of a plugin's constructor, in memory, so that a test can create the plugin with `new`. */
import {
  EventBus,
  Logger,
  Settings,
  Store,
  type Envelope,
  type EventContext,
  type EventContract,
  type Publishable,
} from 'jetplug/sdk';
import { pluginMark } from '../../sdk/internal';

/** Awaited by each operation of the store or bus, so that a test can decide their order. */
export type Turn = () => Promise<void>;

/** Values go through JSON, as on a server, and `change` is run twice, since on a server it may be. */
export class MemoryStore<T> extends Store<T> {
  private readonly values = new Map<string, string>();
  private readonly scopes = new Map<string, MemoryStore<unknown>>();

  constructor(private readonly turn: Turn = () => Promise.resolve()) {
    super();
  }

  async get(key: string): Promise<T | undefined> {
    await this.turn();
    return this.read(key);
  }

  async update(key: string, change: (current: T | undefined) => T): Promise<T> {
    await this.turn();
    const next = JSON.stringify(change(this.read(key)));
    if (JSON.stringify(change(this.read(key))) !== next) throw new Error('the change given to update is not pure');
    this.values.set(key, next);
    return JSON.parse(next) as T;
  }

  async delete(key: string): Promise<void> {
    await this.turn();
    this.values.delete(key);
  }

  keys(): Promise<string[]> {
    return Promise.resolve([...this.values.keys()]);
  }

  commit(): Promise<void> {
    return this.turn();
  }

  scope<U>(name: string): MemoryStore<U> {
    const scope = this.scopes.get(name) ?? new MemoryStore<unknown>(this.turn);
    this.scopes.set(name, scope);
    return scope as unknown as MemoryStore<U>;
  }

  /** All values, without those of the scopes. */
  all(): Record<string, T> {
    return Object.fromEntries([...this.values].map(([key, value]) => [key, JSON.parse(value) as T]));
  }

  private read(key: string): T | undefined {
    const value = this.values.get(key);
    return value === undefined ? undefined : (JSON.parse(value) as T);
  }
}

/** Records published events, and refuses those that do not fit their contract. */
export class RecordingBus extends EventBus {
  private readonly recorded: { subject: string; fields: unknown }[] = [];

  async publish<E extends EventContract | string>(event: E, fields: Publishable<E>): Promise<string> {
    if (typeof event === 'string') throw new Error(`publish by contract, not by ${event}`);
    const result = await event.schema['~standard'].validate(fields);
    if (result.issues) throw new Error(`${event.subject}: ${JSON.stringify(result.issues)}`);
    return `id-${this.recorded.push({ subject: event.subject, fields: result.value })}`;
  }

  /** The fields of the published events of a contract, in order. */
  of<E extends Envelope>(contract: Contract<E>): Omit<E, keyof Envelope>[] {
    return this.recorded
      .filter(({ subject }) => subject === contract.subject)
      .map(({ fields }) => fields as Omit<E, keyof Envelope>);
  }
}

interface Contract<E extends Envelope> {
  new (event: E): E;
  readonly subject: string;
}

/** An event as a handler receives it. */
export function eventOf<E extends Envelope>(contract: Contract<E>, fields: Omit<E, keyof Envelope>, at = NOON): E {
  return new contract({ event_type: contract.subject, event_id: 'e1', timestamp: at, ...fields } as E);
}

export const NOON = '2026-05-12T12:00:00.000Z';

/** A plugin's settings, parsed by its own schema from a section of the config. */
export function settingsOf<T>(plugin: new (...args: never[]) => object, section: object = {}): Settings<T> {
  const result = pluginMark(plugin)!.options.settings!['~standard'].validate(section);
  if (result instanceof Promise || result.issues) throw new Error(`not its settings: ${JSON.stringify(result)}`);
  return new Settings(result.value as T);
}

class SilentLogger extends Logger {
  debug(): void {}
  info(): void {}
  warn(): void {}
  error(): void {}
}

export function contextOf(signal = new AbortController().signal): EventContext {
  const message = { attempt: 1, subject: 'test', stream: 'EVENTS', sequence: 1, time: new Date(NOON), headers: {} };
  return { ...message, signal, log: new SilentLogger(), afterCommit: (work) => void work(signal) };
}
