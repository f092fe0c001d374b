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
