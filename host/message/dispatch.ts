import { promiseOf } from '../base/promises';
import type { Endings } from './execution';
import type { Later } from './later';
import { lazyResultError } from './lazy-result';
import type { Run } from './run';
import { RunContext } from './run-context';
import { end, passed, type Ended, type Returned, type Validated } from './stages';
import { logLate, outcomeOfThrown } from './thrown-outcome';
import { withinCall } from './trace-run';

/**
 * Calls the handler with the event. The run gets an outcome here unless the handler returned. Never throws.
 */
export function dispatch(run: Validated): Returned | Ended | Later<Returned | Ended> {
  let working: Promise<unknown> | undefined;
  let result: unknown;
  try {
    result = withinCall(run, () => run.handler.invoke(run.event!, new RunContext(run)));
    working = promiseOf(result);
  } catch (thrown) {
    return failed(run, thrown);
  } finally {
    if (!run.waits) run.called();
  }
  return working ? run.interruptible(working, CALL) : returned(run, result);
}

const CALL: Endings<Run, unknown, Returned | Ended> = {
  done: returned,
  failed,
  interrupted: end,
  failedLate: ({ handler }, thrown) => logLate(handler, thrown),
};

function returned(run: Run, value: unknown): Returned | Ended {
  const lazy = value === undefined ? undefined : lazyResultError(run.handler, value);
  if (lazy) return failed(run, lazy);
  run.end();
  return passed(run);
}

/** A failure counts once the values that the run has read are known to be committed. */
function failed(run: Run, thrown: unknown): Returned | Ended {
  run.end();
  const outcome = outcomeOfThrown(run, thrown);
  if (!run.hasTransaction) return end(run, outcome);
  run.failure = outcome;
  return passed(run);
}
