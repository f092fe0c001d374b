import type { Decision } from './decide';
import type { Outcome } from './outcome';
import type { Run } from './run';

declare const STAGE: unique symbol;

/** A run with the stage of its message in its type. The stage exists only at compile time. */
type At<Stage extends string> = Run & { readonly [STAGE]: Stage };

interface WithOutcome {
  readonly outcome: Outcome;
}

export type Arrived = At<'arrived'>;
export type Unsettled = At<'unsettled'>;
export type Counted = At<'counted'>;
export type Marked = At<'marked'>;
export type Decoded = At<'decoded'>;
export type Validated = At<'validated'>;
export type Returned = At<'returned'>;
export type Committed = At<'committed'>;
export type Sent = At<'sent'>;
export type Ended = At<'ended'> & WithOutcome;
export type Measured = At<'measured'> & WithOutcome;
export type Judged = At<'judged'> & WithOutcome;
export type Decided = At<'decided'> & WithOutcome & { readonly decision: Decision };
export type Settled = At<'settled'> & WithOutcome & { readonly decision: Decision };

/** Returns the run as the input of the next step. */
export function passed<Stage>(run: Run): Stage {
  return run as unknown as Stage;
}

/** Sets the run's outcome, so that the remaining steps before the conclusion skip the run. */
export function end(run: Run, outcome: Outcome): Ended {
  run.outcome = outcome;
  return run as unknown as Ended;
}
