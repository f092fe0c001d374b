import { isJetplugError, isReject, isRetryLater, JetplugError } from '../../sdk/internal';
import { AlreadySettled } from '../effects/write-batch';
import { isPromise, then, type MaybePromise } from '../maybe-promise';
import { isError, showThrown } from '../thrown';
import type { Execution } from './execution';
import type { Handler } from './handler';
import { sendOutbox } from './outbox';
import { OutcomeKnown, type Outcome } from './outcome';
import { RunContext, within, type Run } from './run';

/**
 * Runs the handler on the event, and `next` with how that ended; what it published is sent once it has
 * returned. Throws only what `next` throws. The sweep interrupts a run whose time is up.
 */
export function dispatch(run: Run, next: (outcome: Outcome) => MaybePromise<void>): MaybePromise<void> {
  let working: Promise<unknown> | undefined;
  try {
    const result = within(run, () => run.handler.invoke(run.event!, new RunContext(run)));
    if (isPromise(result)) working = result;
  } catch (thrown) {
    return next(failed(run, thrown));
  }
  if (!working) return then(returned(run), next);
  // Ended from outside before: what it was ended with is the outcome, and nothing is sent.
  return run.whenEnded(
    working,
    () => (run.isOver ? undefined : then(returned(run), next)),
    (thrown) => (run.isOver ? logLate(run.handler, thrown) : next(failed(run, thrown))),
    next,
  );
}

const HANDLED: Outcome = { kind: 'handled' };

function returned(run: Run): MaybePromise<Outcome> {
  run.end();
  return run.afterwards(sent(run));
}

/** The handler has returned: what it published goes out. */
export function sent(run: Run): MaybePromise<Outcome> {
  if (!run.hasPublished) return HANDLED;
  const ready = run.returned?.() ?? Promise.resolve();
  return ready
    .then(() => sendOutbox(run))
    .then(
      () => HANDLED,
      (thrown: unknown) => outcomeOfError(run.handler, thrown),
    );
}

function failed(run: Run, thrown: unknown): Outcome {
  run.end();
  return outcomeOfError(run.handler, thrown);
}

const BROKER_FAILED: ReadonlySet<string> = new Set(['JP_STORE_UNAVAILABLE', 'JP_PUBLISH_FAILED', 'JP_PUBLISH_BACKLOG']);

/** What a handler's error says of the event; `thrown` may be anything. */
export function outcomeOfError(handler: Handler, thrown: unknown): Outcome {
  if (thrown instanceof AlreadySettled) return { kind: 'settled-before' };
  if (thrown instanceof OutcomeKnown) return thrown.outcome;
  const error = asError(handler, thrown);
  if (isReject(thrown)) return { kind: 'rejected', error };
  if (isRetryLater(thrown)) return { kind: 'postponed', delayMs: thrown.delayMs, error };
  if (isJetplugError(thrown) && BROKER_FAILED.has(thrown.code)) return { kind: 'unavailable', error };
  return { kind: 'failed', error };
}

/** Authors throw what they like: strings, undefined, errors of another realm. */
function asError({ plugin, name, where }: Handler, thrown: unknown): Error {
  if (isError(thrown)) return thrown;
  const error = new Error(`${plugin}.${name} threw ${showThrown(thrown)}, which is not an Error`, { cause: thrown });
  error.stack = `${error.name}: ${error.message}\n    at ${name} (${where.file}:${where.line}:1)`;
  return error;
}

/** A call that was ended from outside before it failed fails for nobody but the log. */
export function logLate(handler: Handler, thrown: unknown): void {
  handler.log.warn('a handler failed after its run had ended', {
    handler: handler.name,
    err: asError(handler, thrown),
  });
}

/** The outcome of a call whose time is up. */
export function timedOut({ handler }: Execution): Outcome {
  const message = `${handler.plugin}.${handler.name} took longer than its timeout of ${handler.timeoutMs} ms`;
  const error = new JetplugError('JP_HANDLER_TIMEOUT', message, { plugin: handler.plugin, ...handler.where });
  return { kind: 'timed-out', error };
}
