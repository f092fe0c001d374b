import type { Config } from '../config/config';
import type { WireError } from '../isolation/wire-error';
import type { Location } from '../../sdk/internal';
import type { FieldIssue } from '../message/outcome';
import type { EffectRun, Effects, ReplayedEvent } from './effect-run';

/** The config that the process needs. The credentials for the server stay in the command. */
export type ReplayConfig = Omit<Config, 'nats'>;

/** The plugin and the handler to run. */
export interface ReplayTarget {
  /** The files that may hold the plugin. A file that is named like the plugin comes first. */
  readonly files: readonly string[];
  readonly plugin: string;
  /** The handler's name. Default: the only handler that takes the subject. */
  readonly handler?: string | undefined;
  /** The subject of the events. */
  readonly subject: string;
}

/** The address of a debugger's listener. Port 0 means a free port. */
export interface InspectorAddress {
  readonly host: string;
  readonly port: number;
}

/** The handler that was found. */
export interface LoadedHandler {
  readonly plugin: string;
  readonly handler: string;
  readonly version: string;
  readonly where: Location;
  readonly timeoutMs: number;
}

/** The orders to the process. The process answers them one after the other. */
export type ReplayOrder =
  /** The first order. The answer is `loaded` or `failed`. */
  | {
      readonly to: 'load';
      readonly target: ReplayTarget;
      readonly config: ReplayConfig;
      readonly allowsNetwork: boolean;
    }
  /** The order to run the handler. The answer is `effects` or `failed`; under a debugger `waits` comes first. */
  | { readonly to: 'run'; readonly run: EffectRun; readonly inspect?: InspectorAddress | undefined }
  /**
   * The order to validate events by the contract of a handler, which is loaded at its first order. The answer is `judged`
   * or `failed`.
   */
  | {
      readonly to: 'judge';
      readonly target: ReplayTarget;
      readonly config: ReplayConfig;
      readonly events: readonly ReplayedEvent[];
    };

/** The judgement about some events by a contract. Events that fit as they are stored are not listed. */
export interface Judgement {
  /** The indexes of the events that fit after an upcast. */
  readonly upcast: readonly number[];
  /** The events that would become dead letters before their handler is called. */
  readonly refused: readonly RefusedEvent[];
}

export interface RefusedEvent {
  readonly index: number;
  /** The reason of the dead letter, such as `schema`. */
  readonly reason: string;
  readonly issues: readonly FieldIssue[];
}

export type ReplayMessage =
  | { readonly is: 'loaded'; readonly handler: LoadedHandler }
  /** The process waits until a debugger attaches at this address, and then stops at the first line of the handler. */
  | { readonly is: 'waits'; readonly address: InspectorAddress }
  | { readonly is: 'effects'; readonly effects: Effects }
  | { readonly is: 'judged'; readonly judgement: Judgement }
  | { readonly is: 'failed'; readonly errors: readonly WireError[] };
