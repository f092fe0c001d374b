import { covers } from '../../sdk/internal';
import { pauseText } from '../base/pause-text';
import type { ConsumingHandler } from '../plugin/consume';
import type { HandlerDefinition } from '../load/describe';
import type { PluginEntry } from '../plugin/plugins';
import type { ConfigPlace } from './explain-options';
import type { DurablePosition } from '../broker/durable';

/** The reason why a handler would not receive an event now. */
export type RouteReason =
  'subject' | 'no-stream' | 'disabled' | 'failed' | 'stopped' | 'loading' | 'starts-later' | 'waiting' | 'skipped';

export interface NotReceived {
  readonly reason: RouteReason;
  /** The reason in words. */
  readonly why: string;
  /** Whether the event waits in its stream, so that the handler receives it later. */
  readonly waits: boolean;
  readonly file?: string;
  readonly line?: number;
}

/** An event of a subject, and a handler that may receive it. */
export interface RouteCandidate {
  readonly subject: string;
  /** The stream that holds the subject. */
  readonly stream: string | undefined;
  /** The sequence that the event would get there. */
  readonly nextSequence: number;
  readonly handler: HandlerDefinition;
  readonly entry: PluginEntry;
  /** The state of the running handler; undefined where the handler does not run. */
  readonly consuming: Pick<ConsumingHandler, 'waitsFor' | 'circuit' | 'reason' | 'pausedUntil'> | undefined;
  /** The position of the handler's durable; undefined where the server has no durable or does not answer. */
  readonly position: DurablePosition | undefined;
  readonly disabledBy: ConfigPlace | undefined;
}

/** The reason why the handler would not receive the event now; undefined where it would. */
export function whyNot(candidate: RouteCandidate): NotReceived | undefined {
  const { subject, stream, handler } = candidate;
  if (!covers(handler.subject, subject)) return never('subject', `it takes ${handler.subject}`);
  if (stream === undefined) return never('no-stream', 'no stream holds the subject');
  return whyNotRunning(candidate) ?? whyStartsLater(candidate) ?? whyWaiting(candidate);
}

function never(reason: RouteReason, why: string, place: Pick<NotReceived, 'file' | 'line'> = {}): NotReceived {
  return { reason, why, waits: false, ...place };
}

function whyNotRunning({ entry, consuming, position, disabledBy }: RouteCandidate): NotReceived | undefined {
  if (consuming) return undefined;
  const waits = position !== undefined;
  const later = waits ? '; its durable is on the server, so the event waits for it' : '; it has no durable yet';
  const reason = (name: RouteReason, why: string, place = {}): NotReceived => ({
    ...never(name, why + later, place),
    waits,
  });
  if (disabledBy) {
    const { key, file, line } = disabledBy;
    return reason('disabled', `${key} is false`, file === undefined ? {} : { file, line });
  }
  const [error] = entry.errors;
  if (error) {
    const { message, file = entry.file, line } = error;
    return reason('failed', `it failed: ${message}`, { file, ...(line === undefined ? {} : { line }) });
  }
  return entry.state === 'loading' ? reason('loading', 'it is being loaded') : reason('stopped', 'it is stopped');
}

function whyStartsLater({ position, nextSequence }: RouteCandidate): NotReceived | undefined {
  const start = position?.startSequence ?? 0;
  if (start <= nextSequence) return undefined;
  return never('starts-later', `its durable starts at sequence ${start}, and the event would be ${nextSequence}`);
}

function whyWaiting({ consuming }: RouteCandidate): NotReceived | undefined {
  const why = waitReason(consuming) ?? pauseReason(consuming);
  return why === undefined ? undefined : { reason: 'waiting', why, waits: true };
}

function pauseReason(consuming: RouteCandidate['consuming']): string | undefined {
  if (!consuming?.pausedUntil) return undefined;
  return `its durable is paused ${pauseText(consuming.pausedUntil)}; the event waits in the stream`;
}

function waitReason(consuming: RouteCandidate['consuming']): string | undefined {
  switch (consuming?.waitsFor) {
    case 'circuit': {
      const { outage } = consuming.circuit;
      const since = outage ? ` since ${outage.since.toISOString()} (${outage.reason})` : '';
      return `its circuit is open${since}: everything it does fails, so the event waits in the stream`;
    }
    case 'durable':
      return 'its durable was deleted and is being created again';
    case 'refused':
      return `its durable delivers nothing (${consuming.reason}); the event waits in the stream`;
    case 'order':
      return 'too many events wait for an earlier one of their key; this one waits in the stream';
    case 'log':
      return `none of its runs can be committed (${consuming.reason}); the event is delivered again until that is mended`;
    case 'process':
      return 'its process has ended and is being started again; the event waits';
    case undefined:
      return undefined;
  }
}
