import { decide, type Decision } from './decide';
import type { Failures } from './failures/attempts';
import type { Delivery } from '../broker/delivery';
import type { Handler } from './handler';
import type { Outcome } from './outcome';

/** How long an event stays away that failed by a version on probation: by then it is known whose fault it was. */
const EXCUSED_DELAY_MS = 1_000;

/**
 * Reports the outcome to the handler's canary and circuit breaker, and decides what becomes of the message.
 * A failure of a new version that is still a canary counts neither against the event nor against the handler.
 */
export function judge(handler: Handler, delivery: Delivery, failures: Failures, outcome: Outcome): Decision {
  const excused = judgeByCanary(handler, delivery, outcome);
  if (excused) return excused;
  const { circuit, retry } = handler;
  if (outcome.kind === 'handled') circuit.succeeded(delivery);
  else if (outcome.kind === 'failed' || outcome.kind === 'timed-out') circuit.failed(delivery, outcome.error);
  return decide(outcome, failures, retry, circuit, Math.random());
}

/** The decision on an event whose failure the new version is held responsible for; undefined where the failure counts. */
function judgeByCanary({ canary }: Handler, delivery: Delivery, outcome: Outcome): Decision | undefined {
  if (!canary) return undefined;
  if (outcome.kind === 'handled') canary.succeeded();
  const error = versionsFault(outcome);
  if (!error || !canary.excuses(delivery, error)) return undefined;
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
