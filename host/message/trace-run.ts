/** Connects a run to the host's telemetry. A handler without telemetry takes none of these steps. */
import { then, type MaybePromise } from '../base/maybe-promise';
import { AnsweredDelivery } from './answered-delivery';
import { derivedTraceId, eventIdOf, lineageHeaders, rootOf } from './lineage';
import type { Outcome } from './outcome';
import { within, type Run, type Scope } from './run';
import type { Settled } from './stages';
import type { Telemetry, TracedEnd, TracedMessage } from './telemetry';

/** Runs the handler's call: within the scope and, if telemetry is on, within a new span. */
export function withinCall<T>(scope: Scope, body: () => T): T {
  const { telemetry } = scope.handler;
  if (!telemetry) return within(scope, body);
  const runs = runsOf(scope);
  telemetry.startCall(scope, scope.handler, runs.map(messageOf), scope.handler.batch !== undefined);
  return telemetry.within(scope, () => within(scope, body));
}

/** Runs code that the handler of a run has left, such as after-commit work, within the span of the run's call. */
export function withinSpanOf<T>(run: Run, body: () => T): T {
  const { telemetry } = run.handler;
  return telemetry ? telemetry.within(run.batch ?? run, body) : body();
}

/** Ends the span of the run's call. The runs of a batch all have their outcome when the first of them ends. */
export function endSpan(run: Run, telemetry: Telemetry): void {
  const call = run.batch ?? run;
  telemetry.endCall(call, endOf(run.batch?.runs ?? [run]));
}

/** Returns the headers of an event that a run publishes. */
export function emitHeadersOf(run: Run, id: string, subject: string): Readonly<Record<string, string>> {
  const { telemetry } = run.handler;
  const headers = (run.emitHeaders ??= lineageHeaders(run));
  return telemetry ? telemetry.startSend(run.batch ?? run, messageOf(run), { id, subject }, headers) : headers;
}

/** Settles the run, and records which answer the server got and how long that took. */
export function settleTraced(
  run: Run,
  telemetry: Telemetry,
  settle: () => MaybePromise<Settled>,
): MaybePromise<Settled> {
  const { handler, delivery } = run;
  const startedAtMs = handler.time.epochMs();
  const startMs = handler.time.nowMs();
  return then(settle(), (settled) => {
    const operation = delivery instanceof AnsweredDelivery ? delivery.answer : undefined;
    // A run that starts again, and a retry in this host, send the server nothing.
    if (operation === undefined) return settled;
    const { decision } = run;
    const reason = decision?.action === 'dead-letter' ? decision.reason : undefined;
    const tookMs = handler.time.nowMs() - startMs;
    telemetry.settled(run.batch ?? run, handler, messageOf(run), { operation, startedAtMs, tookMs, reason });
    return settled;
  });
}

function runsOf(scope: Scope): readonly Run[] {
  return 'runs' in scope ? (scope.runs as readonly Run[]) : [scope as unknown as Run];
}

function messageOf(run: Run): TracedMessage {
  const root = rootOf(run);
  return {
    delivery: run.delivery,
    id: eventIdOf(run),
    root,
    derivedTraceId: () => derivedTraceId(root),
    attempt: run.attempt,
  };
}

/** Returns the first failure among the runs, or the first outcome if none has failed. */
function endOf(runs: readonly Run[]): TracedEnd {
  const outcomes = runs.flatMap(({ outcome }) => outcome ?? []);
  const shown = outcomes.find((outcome) => errorOf(outcome)) ?? outcomes[0];
  return { outcome: shown?.kind ?? 'unknown', error: shown && errorOf(shown) };
}

/** Returns the error of an outcome that is a failure. A handler that throws `RetryLater` has not failed. */
function errorOf(outcome: Outcome): Error | undefined {
  return outcome.kind !== 'postponed' && 'error' in outcome ? outcome.error : undefined;
}
