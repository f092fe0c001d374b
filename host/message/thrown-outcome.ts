import { JetplugError, type ErrorCode } from '../../sdk/internal';
import type { Execution } from './execution';
import { isStale } from './failures/stale-failure';
import type { Handler } from './handler';
import type { Outcome } from './outcome';
import { readThrown, type ThrownRecord } from './read-thrown';

const BROKER_FAILED: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'JP_STORE_UNAVAILABLE',
  // The first use of a store opens the plugin's log, for which JetStream must answer.
  'JP_BROKER_UNREACHABLE',
  'JP_BROKER_NO_QUORUM',
  'JP_LOG_SHORTENED',
  'JP_LOG_GAP',
  'JP_LOG_UNREADABLE',
  'JP_PUBLISH_FAILED',
  'JP_PUBLISH_BACKLOG',
]);

/** Returns the outcome of a run that threw this value. Never throws. */
export function outcomeOfThrown(run: Execution, thrown: unknown): Outcome {
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

/** Returns the outcome of a run that threw a value, which {@link readThrown} has read. */
export function outcomeOf({ handler }: Execution, record: ThrownRecord): Outcome {
  switch (record.kind) {
    case 'known':
      return record.outcome;
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

/** Returns the error of a thrown value, with plain, bounded members. Never throws. */
export function errorOfThrown(handler: Handler, thrown: unknown): Error {
  const record = readThrown(thrown);
  return 'error' in record ? record.error : errorOfValue(handler, 'shown' in record ? record.shown : record.kind);
}

/** Makes an error for a thrown value that is none, such as a string, undefined or a plain object. */
function errorOfValue({ plugin, name, where }: Handler, shown: string): Error {
  const error = new Error(`${plugin}.${name} threw ${shown}, which is not an Error`);
  error.stack = `${error.name}: ${error.message}\n    at ${name} (${where.file}:${where.line}:1)`;
  return error;
}

/** Logs a failure that came after the call was interrupted. It changes no outcome. */
export function logLate(handler: Handler, thrown: unknown): void {
  const record = readThrown(thrown);
  const error = 'error' in record ? record.error : 'shown' in record ? errorOfValue(handler, record.shown) : undefined;
  handler.log.warn('a handler failed after its run had ended', {
    handler: handler.name,
    err: error,
  });
}

/** Returns the outcome of a call that reached its timeout. */
export function timedOut({ handler }: Execution): Outcome {
  const message = `${handler.plugin}.${handler.name} took longer than its timeout of ${handler.timeoutMs} ms`;
  const error = new JetplugError('JP_HANDLER_TIMEOUT', message, { plugin: handler.plugin, ...handler.where });
  return { kind: 'timed-out', error };
}
