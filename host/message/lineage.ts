import { hash, randomBytes } from 'node:crypto';
import { HOPS_HEADER } from './decode';
import type { Run } from './run';

/** The header with the id of the event whose handler has published this event. */
const CAUSE_HEADER = 'x-causation-id';
/** The header with the id of the event that came from outside and led to this one. A publisher may set it, too. */
const ROOT_HEADER = 'x-correlation-id';
/** The trace context (W3C). */
const TRACE_HEADER = 'traceparent';
const TRACE_STATE_HEADER = 'tracestate';

const TRACEPARENT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;
const SAMPLED = '01';
/** The longest root id and trace state that are passed on. */
const MAX_ID = 768;
const MAX_TRACE_STATE = 512;

/** Returns the id of the event that a run handles. A message that is no event has its place in its stream as id. */
export function eventIdOf({ event, decoded, delivery }: Run): string {
  const { stream, sequence } = delivery.origin;
  return event?.event_id ?? (decoded as Run['decoded'] | undefined)?.envelope.event_id ?? `${stream}:${sequence}`;
}

/** Returns the root of the tree of events that the run's event belongs to: the event's own id if none led to it. */
export function rootOf(run: Run): string {
  return rootFrom((name) => readHeader(run, name), eventIdOf(run));
}

/** Returns the root of the tree of an event with these headers and this id. */
export function rootFrom(header: (name: string) => string | undefined, id: string): string {
  const root = header(ROOT_HEADER) || undefined;
  return root !== undefined && root.length <= MAX_ID ? root : idText(id);
}

/** Returns the id of the event whose handler has published the run's event. */
export function causeOf(run: Run): string | undefined {
  return readHeader(run, CAUSE_HEADER);
}

/**
 * Returns the headers of the events that a run publishes: their cause, their root and their trace context. A root
 * without a trace context gets a trace id that is derived from its id, so that all its handlers continue one trace.
 */
export function lineageHeaders(run: Run): Readonly<Record<string, string>> {
  const root = rootOf(run);
  const [, traceId = derivedTraceId(root), , flags = SAMPLED] =
    TRACEPARENT.exec(readHeader(run, TRACE_HEADER) ?? '') ?? [];
  const state = readHeader(run, TRACE_STATE_HEADER);
  return {
    [HOPS_HEADER]: String(run.decoded.hops + 1),
    [CAUSE_HEADER]: idText(eventIdOf(run)),
    [ROOT_HEADER]: root,
    [TRACE_HEADER]: `00-${traceId}-${randomBytes(8).toString('hex')}-${flags}`,
    ...(state && state.length <= MAX_TRACE_STATE && { [TRACE_STATE_HEADER]: state }),
  };
}

/** Returns an id as it stands in a header: each character that a header cannot hold is percent-encoded. */
export function idText(id: string): string {
  return PLAIN_ID.test(id)
    ? id
    : id.replace(NOT_PLAIN, (one) => encodeURIComponent(one.isWellFormed() ? one : '\ufffd'));
}

const PLAIN_ID = /^[\x21-\x7e]*$/;
const NOT_PLAIN = /[^\x21-\x7e]+/g;

/** Returns the trace id of a tree whose first event came without a trace context. */
export function derivedTraceId(root: string): string {
  return hash('sha256', root).slice(0, 32);
}

/** Reads a header; undefined also if it is empty, or the header block is malformed. */
function readHeader({ delivery }: Run, name: string): string | undefined {
  try {
    return delivery.header(name) || undefined;
  } catch {
    // The step that decodes the message reports a malformed block.
    return undefined;
  }
}
