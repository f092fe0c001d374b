import type { Outcome } from './outcome';
import { passed, type Judged, type Measured } from './stages';

/** The retry delay of an event whose failure does not count. By then the canary's result is usually known. */
export const EXCUSED_DELAY_MS = 1_000;

/**
 * Reports the outcome to the handler's canary and circuit breaker. A failure of a new version that is still a canary
 * counts neither against the event nor against the handler.
 */
export function judge(run: Measured): Judged {
  const { handler, delivery, outcome } = run;
  const { canary, circuit } = handler;
  if (canary) {
    if (outcome.kind === 'handled') canary.succeeded();
    const error = versionsFault(outcome);
    if (error && canary.excuses(delivery, error)) {
      run.excused = error;
      return passed(run);
    }
  }
  if (outcome.kind === 'handled') circuit.succeeded(delivery);
  else if (outcome.kind === 'failed' || outcome.kind === 'timed-out') circuit.failed(delivery, outcome.error);
  return passed(run);
}

/** Returns the outcome's error if another version of the handler might not have had it. */
function versionsFault(outcome: Outcome): Error | undefined {
  switch (outcome.kind) {
    case 'failed':
    case 'timed-out':
    case 'rejected':
    case 'died':
      return outcome.error;
    case 'invalid':
      return outcome.reason === 'schema' ? outcome.error : undefined;
    default:
      return undefined;
  }
}
