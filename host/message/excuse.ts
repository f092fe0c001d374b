import type { Decision } from './decide';
import type { Delivery } from './delivery';
import type { Handler } from './handler';
import type { Outcome } from './outcome';

/** How long an event stays away that failed by a version on probation: by then it is known whose fault it was. */
const EXCUSED_DELAY_MS = 1_000;

/** What becomes of an event whose failure a version on probation has to answer for; nothing where it counts as ever. */
export function excused({ probation }: Handler, delivery: Delivery, outcome: Outcome): Decision | undefined {
  if (!probation) return undefined;
  if (outcome.kind === 'handled') probation.succeeded();
  const error = versionsFault(outcome);
  if (!error || !probation.excuses(delivery, error)) return undefined;
  return { action: 'wait', delayMs: EXCUSED_DELAY_MS, error };
}

/** The error of an outcome that another version might not have had. */
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
