import type { Envelope } from '../../sdk/internal';
import type { EventFacts } from '../message/handler-context';
import type { PluginsConfig } from '../config/config';
import type { HandlerDefinition, PluginDefinition } from '../load/describe';
import type { WireError } from './wire-error';
import type { ModuleText } from '../load/module-graph';

/*
 * The messages between a host and the process of an isolated plugin, as JSON. Each write to the channel is a list of
 * them. The host pulls, decides and settles. The
 * process validates events and calls the author's code, and sends requests for its store and event bus to the host.
 */

export type HostMessage =
  /** The first order, to load the plugin of a file. The answer is `loaded` or `failed`. */
  | { readonly to: 'load'; readonly file: string; readonly modules: readonly WireModule[]; readonly plugins: Layers }
  /** The order to build and start the plugin. The answer is `started` or `failed`. */
  | { readonly to: 'start'; readonly settings?: unknown }
  /** The order to call a handler. `begun` comes before the author's code runs, and `ended` after it. */
  | {
      readonly to: 'call';
      readonly call: number;
      readonly method: string;
      readonly events: readonly WireEvent[];
      /** The headers that carry the call's trace context, for the HTTP requests of the handler; absent if there is none. */
      readonly trace?: Readonly<Record<string, string>>;
    }
  /**
   * The order to run the functions that a handler has passed to `afterCommit` for an event of the call `of`. As for a
   * handler, `begun` comes before the author's code runs, and `ended` after it.
   */
  | { readonly to: 'after-commit'; readonly call: number; readonly of: number; readonly event: number }
  /** The order to forget these functions, because they are not to be run. */
  | { readonly to: 'forget'; readonly of: number; readonly event: number }
  /** The order to abort the signal of a call whose run is over. */
  | { readonly to: 'abort'; readonly call: number; readonly reason: WireError }
  | ({ readonly to: 'answer'; readonly request: number } & Answer)
  /** The order to run the function of a request `change` on the current text. The answer is `changed`. */
  | { readonly to: 'change'; readonly request: number; readonly current?: string | undefined }
  | { readonly to: 'ping' }
  /** The order to stop the plugin and end. The answer is `stopped`. */
  | { readonly to: 'stop' };

export type ProcessMessage =
  | { readonly is: 'loaded'; readonly definition: WireDefinition; readonly modules: readonly WireModule[] }
  | { readonly is: 'started' }
  | { readonly is: 'failed'; readonly errors: readonly WireError[] }
  | { readonly is: 'begun'; readonly call: number }
  /** `work` are the indexes of the events for which the handler has passed functions to `afterCommit`. */
  | ({ readonly is: 'ended'; readonly call: number; readonly work?: readonly number[] } & Answer)
  | Request
  | { readonly is: 'changed'; readonly request: number; readonly next?: string | undefined; readonly error?: WireError }
  | LogLine
  | { readonly is: 'pong'; readonly residentBytes: number }
  /** An uncaught error ends the process. */
  | { readonly is: 'dying'; readonly error: WireError }
  | { readonly is: 'stopped'; readonly error?: WireError };

/**
 * A request of the author's code, within a call or outside of one. In a call for a batch, `event` is the index of the
 * event that the request is for.
 */
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
  | { readonly what: 'commit' }
  | {
      readonly what: 'publish';
      readonly subject: string;
      /** The event's fields as JSON. */
      readonly fields: string;
      readonly options: { readonly id?: string; readonly timestamp?: string };
    };

export interface Answer {
  readonly value?: unknown;
  readonly error?: WireError;
}

/** A line that the author's code logs. */
export type LogLine = LineOrigin & {
  readonly is: 'log';
  readonly level: LogMethod;
  readonly message: string;
  /** The author's fields. */
  readonly fields: WireFields;
};

/** Where a line was logged. */
export interface LineOrigin {
  /** The call; absent outside of a call. */
  readonly call?: number | undefined;
  /** The index of the event whose context has logged the line; absent for the plugin's own log. */
  readonly event?: number | undefined;
  /** The fields that the event's context adds. */
  readonly known?: Readonly<Record<string, unknown>> | undefined;
}

export type LogMethod = 'debug' | 'info' | 'warn' | 'error';

/** The fields of a log line. Errors are separate, as JSON has no errors. */
export interface WireFields {
  readonly rest: Readonly<Record<string, unknown>>;
  readonly errors: Readonly<Record<string, WireError>>;
}

/** An event, with the facts that its context gives the handler. */
export interface WireEvent extends EventFacts {
  readonly envelope: Envelope;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly headers: Readonly<Record<string, string>>;
}

export type WireModule = readonly [path: string, text: ModuleText];

/** The config of plugins, and the file with the providers of the plugin's folder. */
export type Layers = Pick<PluginsConfig, 'defaults' | 'sections' | 'use'> & { readonly providers?: string | undefined };

/** A plugin's definition without the parts that JSON cannot hold. */
export type WireDefinition = Omit<PluginDefinition, 'sources' | 'handlers'> & {
  readonly sources: readonly (readonly [path: string, source: string])[];
  readonly handlers: readonly Omit<HandlerDefinition, 'contract'>[];
};
