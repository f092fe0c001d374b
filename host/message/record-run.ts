import type { RunChanges } from '../records/commits/commit';
import type { Recorder } from '../records/runs/recorder';
import type { RunError, RunOutcome, RunRecord, RunVerdict } from '../records/runs/run-record';
import { withCauses } from '../base/causes';
import { cut } from '../base/utf8';
import type { Decision } from './decide';
import { causeOf, eventIdOf, rootOf } from './lineage';
import type { Outcome } from './outcome';
import type { Run } from './run';
import { passed, type Settled } from './stages';

/** The largest number of published events, and of keys, in a record. */
const MAX_LISTED = 200;
const MAX_MESSAGE = 1_000;
const MAX_STACK = 4_000;
const MAX_ABOUT = 40;

/** Notes what a run has committed at a commit point. */
export function noteCommitted(run: Run, { emits, writes }: Pick<RunChanges, 'emits' | 'writes'>): void {
  if (!run.handler.recorder?.isActive) return;
  const committed = (run.committed ??= { emits: [], keys: new Set() });
  committed.emits.push(...emits);
  for (const key of writes.keys()) committed.keys.add(key);
}

/** Records the settled run if its tree is sampled, if it has failed, or if somebody watches. */
export function recordRun(run: Settled): Settled {
  const { recorder } = run.handler;
  if (recorder?.isActive) record(run, recorder);
  return passed(run);
}

function record(run: Settled, { store, live }: Recorder): void {
  const outcome = outcomeOf(run);
  if (!outcome) return;
  const root = rootOf(run);
  const isHandled = run.outcome.kind === 'handled';
  const isWhole = store?.isSampled(root) ?? false;
  const record = store && (isWhole || !isHandled) ? recordOf(run, outcome, root, isWhole) : undefined;
  if (record) store?.add(record);
  if (!live.isWatched) return;
  const { handler, delivery, event } = run;
  const { plugin, name } = handler;
  const watched = { plugin, handler: name, subject: delivery.subject, isHandled, event };
  live.add(watched, () => {
    const json = JSON.stringify(record ?? recordOf(run, outcome, root, isWhole));
    return `${json.slice(0, -1)},"about":${JSON.stringify(aboutOf(event))}}`;
  });
}

/** Returns the outcome of the attempt that the run has ended; undefined if it has ended none. */
function outcomeOf({ outcome, decision, waits }: Settled): RunOutcome | undefined {
  const own = outcome.kind === 'released' && waits ? undefined : OUTCOMES[outcome.kind];
  return own && decision.action === 'give-up' ? 'given-up' : own;
}

/** Returns the first text or number of an event's fields, which most often tells whom the event is about. */
function aboutOf(event: object | undefined): string {
  for (const name in event) {
    if (name === 'event_type' || name === 'event_id' || name === 'timestamp') continue;
    const value = (event as Record<string, unknown>)[name];
    if (typeof value === 'string' || typeof value === 'number') return cut(String(value), MAX_ABOUT);
  }
  return '';
}

// All members are named here, so that all records have one shape, which is fast to make and to encode.
function recordOf(run: Settled, as: RunOutcome, root: string, isWhole: boolean): RunRecord {
  const { handler, delivery, decision, outcome, logged } = run;
  const { stream, sequence, storedAtMs } = delivery.origin;
  const call = run.batch ?? run;
  const { time } = handler;
  const nowMs = time.nowMs();
  const tookMs = call.waits ? 0 : nowMs - call.startedAtMs;
  return {
    plugin: handler.plugin,
    handler: handler.name,
    version: handler.version,
    stream,
    sequence,
    storedAtMs,
    subject: delivery.subject,
    id: eventIdOf(run),
    cause: causeOf(run),
    root,
    attempt: run.attempt,
    startedAtMs: time.epochMs() - tookMs,
    ranMs: call.waits ? 0 : round(call.ranMs(nowMs)),
    tookMs: round(tookMs),
    outcome: as,
    verdict: VERDICTS[decision.action],
    delayMs: 'delayMs' in decision ? decision.delayMs : undefined,
    reason: 'reason' in decision ? decision.reason : undefined,
    error: 'error' in outcome ? errorOf(outcome.error) : undefined,
    emits: emitsOf(run),
    writes: keysOf(run),
    lines: logged?.lines,
    linesLeft: logged?.left || undefined,
    isPartial: !isWhole || undefined,
  };
}

/** Returns the events that the run has published. A run that has failed has published those of its commit points. */
function emitsOf(run: Settled): RunRecord['emits'] {
  const { committed } = run;
  const own = isDone(run) && run.hasPublished ? run.outbox : [];
  const all = committed ? [...committed.emits, ...own] : own;
  return all.length === 0 ? undefined : all.slice(0, MAX_LISTED).map(({ id, subject }) => ({ id, subject }));
}

/** Returns the keys that the run has changed. A run that has failed has changed those of its commit points. */
function keysOf(run: Settled): RunRecord['writes'] {
  const { committed } = run;
  const own = isDone(run) && run.hasTransaction ? [...writesOf(run).keys()] : [];
  const all = committed ? [...new Set([...committed.keys, ...own])] : own;
  return all.length === 0 ? undefined : all.slice(0, MAX_LISTED);
}

function isDone(run: Settled): boolean {
  return run.outcome.kind === 'handled' && !run.owesWork;
}

function writesOf(run: Run): ReadonlyMap<string, unknown> {
  return run.batch ? run.batch.writes.of(run) : run.transaction.writes;
}

function errorOf(error: Error & { readonly code?: unknown }): RunError {
  const { name, code, stack } = error;
  return {
    name: cut(name, MAX_MESSAGE),
    ...(typeof code === 'string' && { code: cut(code, MAX_MESSAGE) }),
    message: cut(withCauses(error), MAX_MESSAGE),
    ...(stack !== undefined && { stack: cut(stack, MAX_STACK) }),
  };
}

function round(ms: number): number {
  return Math.round(ms * 100) / 100;
}

/** A run that starts again, and an event that was settled before, end no attempt. */
const OUTCOMES: Readonly<Partial<Record<Outcome['kind'], RunOutcome>>> = {
  handled: 'handled',
  failed: 'failed',
  'timed-out': 'timed-out',
  rejected: 'rejected',
  postponed: 'postponed',
  unavailable: 'unavailable',
  died: 'died',
  crashed: 'crashed',
  invalid: 'invalid',
  released: 'interrupted',
};

const VERDICTS: Readonly<Record<Decision['action'], RunVerdict>> = {
  ack: 'settled',
  'ack-again': 'settled',
  'give-up': 'settled',
  retry: 'retried',
  'run-again': 'retried',
  suspect: 'retried',
  wait: 'waits',
  'dead-letter': 'dead-lettered',
  release: 'released',
};
