import type { JetplugError } from '../../sdk/internal';
import type { DurableSpec } from '../broker/durable';
import type { ConsumerInfo, StreamInfo } from '../nats/client';
import type { NewerConfig } from '../nats/generation-record';
import type { WantedStream } from '../nats/wanted-streams';

/** The flags of `jetplug apply` that some changes need. */
export type NeededFlag = '--prune' | '--allow-data-loss';

/** A difference between the server and the config or the plugins, as `jetplug plan` shows it. */
export interface PlannedChange {
  /**
   * `create`: it is missing. `update`: it is changed in place. `recreate`: it is deleted and created again. `orphan`: it
   * is this deployment's, and neither the config nor a plugin needs it. `foreign`: it is needed and is not this
   * deployment's, so it is not changed.
   */
  readonly change: 'create' | 'update' | 'recreate' | 'orphan' | 'foreign';
  /** A commit log is a stream. */
  readonly kind: 'stream' | 'bucket' | 'durable';
  readonly name: string;
  /** The stream of a durable. */
  readonly stream?: string;
  /** The plugin and the handler of a durable, where they are known. */
  readonly plugin?: string;
  readonly handler?: string;
  /** The settings that differ, with the value on the server and the wanted one. */
  readonly fields?: readonly { readonly field: string; readonly from: string; readonly to: string }[];
  /** The meaning of the change for events and values, in numbers. */
  readonly impact: string;
  /** Whether the next start of a host makes the change by itself. */
  readonly atStart: boolean;
  /** The newer config of the deployment for which a host that starts with this one waits, and so leaves the settings. */
  readonly newerConfig?: NewerConfig;
  /** Why neither a host nor `apply` makes the change, or what `apply` has to delete first. */
  readonly refused?: string;
  /** The flags without which `apply` does not make the change. */
  readonly needs?: readonly NeededFlag[];
}

/** A change, and everything that `apply` needs to make it. */
export interface Step {
  readonly change: PlannedChange;
  readonly target: Target;
  /** Why `apply` refuses the whole plan. */
  readonly refusal?: JetplugError;
  /** The orphans that hold subjects of this stream. The stream can be created or changed only when they are pruned. */
  readonly waitsFor?: readonly string[];
}

/** The asset of a step: as it is on the server, and as it is wanted. An orphan is not wanted. */
export type Target =
  | { readonly kind: 'stream'; readonly found: StreamInfo | undefined; readonly wanted: WantedStream | undefined }
  | { readonly kind: 'durable'; readonly found: ConsumerInfo | undefined; readonly wanted: DurableSpec | undefined };

/** Returns the identity of an asset: no two assets of a server have the same. */
export function assetKey({ kind, name, stream }: Pick<PlannedChange, 'kind' | 'name' | 'stream'>): string {
  return kind === 'durable' ? `durable ${name} on stream ${stream}` : `${kind} ${name}`;
}
