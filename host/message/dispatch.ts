import { promiseOf } from '../base/promises';
import type { Endings } from './execution';
import type { Later } from './later';
import { lazyResultError } from './lazy-result';
import { sendOutbox } from './outbox';
import type { Outcome } from './outcome';
import { RunContext, within, type Run } from './run';
import { unmark } from './settle';
import { end, passed, type Ended, type Returned, type Validated } from './stages';
import { logLate, outcomeOfThrown } from './thrown-outcome';

/**
 * Calls the handler with the event. The run gets an outcome here unless the handler returned; {@link publish} then
 * sends the events that the handler published. Never throws.
 */
export function dispatch(run: Validated): Returned | Ended | Later<Returned | Ended> {
  let working: Promise<unknown> | undefined;
  let result: unknown;
  try {
    result = within(run, () => run.handler.invoke(run.event!, new RunContext(run)));
    working = promiseOf(result);
  } catch (thrown) {
    return failed(run, thrown);
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

function failed(run: Run, thrown: unknown): Ended {
  run.end();
  return end(run, outcomeOfThrown(run, thrown));
}

const HANDLED: Outcome = { kind: 'handled' };

/** Sends the events that the handler published. Only a stop of the host interrupts it. */
export function publish(run: Returned): Ended | Later<Ended> {
  return run.hasPublished ? run.interruptible(send(run), SENDING) : end(run, HANDLED);
}

/**
 * Sends the published events. Removes the run's mark first, because a death of the process after the handler has
 * returned is not the event's fault.
 */
async function send(run: Run): Promise<void> {
  run.endTurnAlone?.();
  if (run.marked) await unmark(run.handler, run.delivery);
  await sendOutbox(run);
}

const SENDING: Endings<Run, void, Ended> = {
  done: (run) => end(run, HANDLED),
  failed: (run, thrown) => end(run, outcomeOfThrown(run, thrown)),
  interrupted: end,
};
