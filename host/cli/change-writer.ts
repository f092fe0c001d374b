import { ADOPTED } from '../records/commits/adoptions';
import type { Origin } from '../records/commits/commit';
import type { KeyChange, KeyChanges } from '../records/history/key-changes';
import type { KeptHistory } from '../records/history/moment';

/** The text before the changes, as {@link KeyChanges.earlier} returns it. */
export type TextsBefore = Awaited<ReturnType<KeyChanges['earlier']>>;

/** Prints the changes of a key while they are read. */
export interface ChangeWriter {
  /** Whether no change was shown. */
  readonly isEmpty: boolean;
  /** Resolves with false if nobody reads the output any more. */
  show(change: KeyChange): Promise<boolean>;
  /** @param rest undefined if there are more changes than were shown */
  end(rest: TextsBefore | undefined, kept: KeptHistory): Promise<void>;
}

/** The source of a change: a handler, the plugin's code outside of one, a command, or another program. */
export type Source = 'handler' | 'code' | 'cli' | 'bucket';

/** A handler may have the name of another source, but only its changes have a version. */
export function sourceOf({ handler, version }: Origin): Source {
  if (version !== undefined) return 'handler';
  return handler === ADOPTED ? 'bucket' : handler === 'cli' ? 'cli' : 'code';
}
