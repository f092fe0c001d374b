import type { Envelope } from '../../sdk/internal';
import type { EventFacts } from '../message/handler-context';
import type { PluginsConfig } from '../config/config';
import type { HandlerDefinition, PluginDefinition } from '../load/describe';
import type { WireError } from './wire-error';
import type { ModuleText } from '../load/module-graph';

/*
 * What a host and the process of an isolated plugin say to each other, as JSON. The host pulls, decides and
 * settles; the process validates and calls the author's code, and asks the host for all that is kept or sent.
 */

export type HostMessage =
  /** The first: load the plugin of a file. Answered with `loaded` or `failed`. */
  | { readonly to: 'load'; readonly file: string; readonly modules: readonly WireModule[]; readonly plugins: Layers }
  /** Build and start it. Answered with `started` or `failed`. */
  | { readonly to: 'start'; readonly settings?: unknown }
  /** Call a handler; `begun` comes before the author's code runs, `ended` after. */
  | { readonly to: 'call'; readonly call: number; readonly method: string; readonly events: readonly WireEvent[] }
  /** Nobody waits for a call any more. */
  | { readonly to: 'abort'; readonly call: number; readonly reason: WireError }
  | ({ readonly to: 'answer'; readonly request: number } & Answer)
  /** Run the function of a request to change a text, on the present one. Answered with `changed`. */
  | { readonly to: 'change'; readonly request: number; readonly current?: string | undefined }
  | { readonly to: 'ping' }
  /** Stop the plugin and end. Answered with `stopped`. */
  | { readonly to: 'stop' };

export type ProcessMessage =
  | { readonly is: 'loaded'; readonly definition: WireDefinition; readonly modules: readonly WireModule[] }
  | { readonly is: 'started' }
  | { readonly is: 'failed'; readonly errors: readonly WireError[] }
  | { readonly is: 'begun'; readonly call: number }
  | ({ readonly is: 'ended'; readonly call: number } & Answer)
  | Request
  | { readonly is: 'changed'; readonly request: number; readonly next?: string | undefined; readonly error?: WireError }
  | { readonly is: 'log'; readonly level: LogMethod; readonly message: string; readonly fields: WireFields }
  | { readonly is: 'pong'; readonly residentBytes: number }
  /** What ends it: an error that nothing catches. */
  | { readonly is: 'dying'; readonly error: WireError }
  | { readonly is: 'stopped'; readonly error?: WireError };

/** What the author's code asks of the host, in a call or out of any; `event` is the one of a batch that it is for. */
export type Request = {
  readonly is: 'request';
  readonly request: number;
  readonly call?: number | undefined;
  readonly event?: number | undefined;
} & Asked;

export type Asked =
  | { readonly what: 'get'; readonly key: string; readonly scope?: string | undefined }
  | { readonly what: 'change'; readonly key: string; readonly scope?: string | undefined; readonly as: string }
  | { readonly what: 'keys'; readonly scope?: string | undefined }
  | {
      readonly what: 'publish';
      readonly subject: string;
      /** JSON. */
      readonly fields: string;
      readonly options: { readonly id?: string; readonly timestamp?: string };
    };

export interface Answer {
  readonly value?: unknown;
  readonly error?: WireError;
}

export type LogMethod = 'debug' | 'info' | 'warn' | 'error';

/** A log line's fields; its error apart, as JSON holds none. */
export interface WireFields {
  readonly rest: Readonly<Record<string, unknown>>;
  readonly errors: Readonly<Record<string, WireError>>;
}

/** An event, and what its context tells the handler. */
export interface WireEvent extends EventFacts {
  readonly envelope: Envelope;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly headers: Readonly<Record<string, string>>;
}

export type WireModule = readonly [path: string, text: ModuleText];

export type Layers = Pick<PluginsConfig, 'defaults' | 'sections'>;

/** A plugin without what only its own process can hold. */
export type WireDefinition = Omit<PluginDefinition, 'sources' | 'handlers'> & {
  readonly sources: readonly (readonly [path: string, source: string])[];
  readonly handlers: readonly Omit<HandlerDefinition, 'contract'>[];
};
