import { covers } from '../../sdk/internal';
import type { ConsumingHandler } from '../plugin/consume';
import type { HandlerDefinition } from '../load/describe';
import type { PluginEntry } from '../plugin/plugins';
import type { ConfigPlace } from './explain-options';
import type { DurablePosition } from '../broker/durable';

/** Why a handler would not receive an event; `waiting` and whatever has `waits` gets it later. */
export type RouteReason =
  'subject' | 'no-stream' | 'disabled' | 'failed' | 'stopped' | 'loading' | 'starts-later' | 'waiting' | 'skipped';

export interface NotReceived {
  readonly reason: RouteReason;
  /** In words. */
  readonly why: string;
  /** Whether the event waits for the handler in its stream, and comes to it later. */
  readonly waits: boolean;
  readonly file?: string;
  readonly line?: number;
}

/** An event of a subject, and a handler that it may reach. */
export interface Meeting {
  readonly subject: string;
  /** The stream that holds the subject. */
  readonly stream: string | undefined;
  /** The sequence that the event would get there. */
  readonly nextSequence: number;
  readonly handler: HandlerDefinition;
  readonly entry: PluginEntry;
  /** Where the handler runs. */
  readonly consuming: Pick<ConsumingHandler, 'waitsFor' | 'circuit' | 'reason' | 'pausedUntil'> | undefined;
  /** Of its durable on the server, where there is one. */
  readonly position: DurablePosition | undefined;
  readonly disabledBy: ConfigPlace | undefined;
}

/** Why the handler would not receive the event; nothing where it would. */
export function whyNot(meeting: Meeting): NotReceived | undefined {
  const { subject, stream, handler } = meeting;
  if (!covers(handler.subject, subject)) return never('subject', `it takes ${handler.subject}`);
  if (stream === undefined) return never('no-stream', 'no stream holds the subject');
  return whyNotRunning(meeting) ?? whyStartsLater(meeting) ?? whyWaiting(meeting);
}

function never(reason: RouteReason, why: string, place: Pick<NotReceived, 'file' | 'line'> = {}): NotReceived {
  return { reason, why, waits: false, ...place };
}

function whyNotRunning({ entry, consuming, position, disabledBy }: Meeting): NotReceived | undefined {
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

function whyStartsLater({ position, nextSequence }: Meeting): NotReceived | undefined {
  const start = position?.startSequence ?? 0;
  if (start <= nextSequence) return undefined;
  return never('starts-later', `its durable starts at sequence ${start}, and the event would be ${nextSequence}`);
}

function whyWaiting({ consuming }: Meeting): NotReceived | undefined {
  const why = whyWaits(consuming);
  return why === undefined ? undefined : { reason: 'waiting', why, waits: true };
}

function whyWaits(consuming: Meeting['consuming']): string | undefined {
  const why = whyKept(consuming);
  if (why !== undefined || !consuming?.pausedUntil) return why;
  return `its durable is paused until ${consuming.pausedUntil.toISOString()}; the event waits in the stream`;
}

function whyKept(consuming: Meeting['consuming']): string | undefined {
  switch (consuming?.waitsFor) {
    case 'circuit': {
      const { outage } = consuming.circuit;
      const since = outage ? ` since ${outage.since.toISOString()} (${outage.reason})` : '';
      return `its circuit is open${since}: everything it does fails, so the event waits in the stream`;
    }
    case 'durable':
      return 'its durable is gone and is being made again';
    case 'refused':
      return `its durable delivers nothing (${consuming.reason}); the event waits in the stream`;
    case 'order':
      return 'too many events wait for an earlier one of their key; this one waits in the stream';
    case 'process':
      return 'its process has ended and is being started again; the event waits';
    case undefined:
      return undefined;
  }
}
