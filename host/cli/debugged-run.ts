import type { StoredEvent } from '../nats/stored-event';
import type { Effects } from '../replay/effect-run';
import type { LoadedHandler } from '../replay/replay-protocol';
import type { StoreBefore } from '../ops/store-before';

/** An event that was run again, with its effects. */
export interface DebuggedRun {
  readonly event: StoredEvent;
  /** The event's id; absent if the stored message is not a valid event. */
  readonly id?: string | undefined;
  readonly handler: LoadedHandler;
  readonly store: StoreBefore;
  readonly effects: Effects;
  /** Whether the run was under a debugger, so that its duration means nothing. */
  readonly isInspected: boolean;
}
