import { JetplugError, type ErrorCode } from '../../sdk/internal';
import { then, type MaybePromise } from '../base/maybe-promise';
import { promiseOf } from '../base/promises';
import type { Execution } from './execution';
import type { Handler } from './handler';
import { lazyResultError } from './lazy-result';
import { sendOutbox } from './outbox';
import type { Outcome } from './outcome';
import { readThrown, type ThrownRecord } from './read-thrown';
import { RunContext, within, type Run } from './run';
import { isStale } from './failures/stale-failure';

/**
 * Runs the handler on the event, and `next` with how that ended; what it published is sent once it has
 * returned. Throws only what `next` throws. The sweep interrupts a run whose time is up.
 */
export function dispatch(run: Run, next: (outcome: Outcome) => MaybePromise<void>): MaybePromise<void> {
  let working: Promise<unknown> | undefined;
  let result: unknown;
  try {
    result = within(run, () => run.handler.invoke(run.event!, new RunContext(run)));
    working = promiseOf(result);
  } catch (thrown) {
    return next(failed(run, thrown));
  }
  if (!working) return then(returned(run, result), next);
  // Ended from outside before: what it was ended with is the outcome, and nothing is sent.
  return run.whenEnded(
    working,
    (value) => (run.isOver ? undefined : then(returned(run, value), next)),
    (thrown) => (run.isOver ? logLate(run.handler, thrown) : next(failed(run, thrown))),
    next,
  );
}

const HANDLED: Outcome = { kind: 'handled' };

function returned(run: Run, value: unknown): MaybePromise<Outcome> {
  const lazy = value === undefined ? undefined : lazyResultError(run.handler, value);
  if (lazy) return failed(run, lazy);
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
      (thrown: unknown) => outcomeOfThrown(run, thrown),
    );
}

function failed(run: Run, thrown: unknown): Outcome {
  run.end();
  return outcomeOfThrown(run, thrown);
}

const BROKER_FAILED: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'JP_STORE_UNAVAILABLE',
  'JP_PUBLISH_FAILED',
  'JP_PUBLISH_BACKLOG',
]);

/** The outcome that a handler's error stands for; `thrown` may be anything. Never throws. */
export function outcomeOfThrown(run: Run, thrown: unknown): Outcome {
  const record = readThrown(thrown);
  const { handler, startedAtMs } = run;
  if (isBrokerFailure(record) && isStale(thrown, startedAtMs, handler.time.nowMs())) {
    return { kind: 'failed', error: record.error };
  }
  return outcomeOf(run, record);
}

function isBrokerFailure(record: ThrownRecord): record is ThrownRecord & { kind: 'jetplug' } {
  return record.kind === 'jetplug' && BROKER_FAILED.has(record.error.code);
}

/** The same of what was read already. */
export function outcomeOf({ handler, delivery }: Run, record: ThrownRecord): Outcome {
  switch (record.kind) {
    case 'known':
      return record.outcome;
    case 'settled': {
      // Another event's is an error that the author has kept.
      const isOwn = record.sequence === delivery.sequence && record.durable === handler.durable;
      return isOwn ? { kind: 'settled-before' } : { kind: 'failed', error: record.error };
    }
    case 'reject':
      return { kind: 'rejected', error: record.error };
    case 'retry-later':
      return { kind: 'postponed', delayMs: record.delayMs, error: record.error };
    case 'value':
      return { kind: 'failed', error: errorOfValue(handler, record.shown) };
    default:
      return { kind: isBrokerFailure(record) ? 'unavailable' : 'failed', error: record.error };
  }
}

/** Authors throw what they like: strings, undefined, objects that are no errors. */
function errorOfValue({ plugin, name, where }: Handler, shown: string): Error {
  const error = new Error(`${plugin}.${name} threw ${shown}, which is not an Error`);
  error.stack = `${error.name}: ${error.message}\n    at ${name} (${where.file}:${where.line}:1)`;
  return error;
}

/** A call that was ended from outside before it failed fails for nobody but the log. */
export function logLate(handler: Handler, thrown: unknown): void {
  const record = readThrown(thrown);
  const error = 'error' in record ? record.error : 'shown' in record ? errorOfValue(handler, record.shown) : undefined;
  handler.log.warn('a handler failed after its run had ended', {
    handler: handler.name,
    err: error,
  });
}

/** The outcome of a call whose time is up. */
export function timedOut({ handler }: Execution): Outcome {
  const message = `${handler.plugin}.${handler.name} took longer than its timeout of ${handler.timeoutMs} ms`;
  const error = new JetplugError('JP_HANDLER_TIMEOUT', message, { plugin: handler.plugin, ...handler.where });
  return { kind: 'timed-out', error };
}
