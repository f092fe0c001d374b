import type { Execution } from './execution';

/** A function that a handler has passed to `afterCommit`, or all those of an event in the plugin's own process. */
export interface AfterCommitWork {
  /** @param call the call in which the work is done, with the signal that the author's code gets */
  perform(call: Execution): unknown;
  /** Called if the work is not to be done, because the run has failed or starts again. */
  drop?(): void;
}
