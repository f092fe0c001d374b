import type { HandlerPosition } from '../nats/handler-positions';
import type { AttemptState } from '../message/failures/attempt-record';
import type { Outage } from '../message/failures/outages';
import type { DeliveryState } from '../message/intake/buffered-delivery';
import type { DeadLetterSummary } from '../ops/dead-letter-summary';
import type { CommittedRun } from '../records/commits/find-runs';

/** The state of an event in one handler; docs/tracing.md explains each word. */
export type FateState =
  | 'done'
  | 'running'
  | 'retrying'
  | 'waiting'
  | 'deferred'
  | 'dead-lettered'
  | 'pending'
  | 'filtered'
  | 'before-deployment'
  | 'unknown';

/** The fate of an event in one handler, as `jetplug fate --json` shows it. Times are in ISO 8601. */
export interface Fate {
  readonly state: FateState;
  /** The state in words. */
  readonly why: string;
  /** When the handler returned, or failed last. */
  readonly at?: string;
  /** The number of the attempt that ended the event, or of the next one, from 1. */
  readonly attempt?: number;
  /** How many attempts the handler allows. */
  readonly attempts?: number;
  /** The version of the plugin that ran last. */
  readonly version?: string;
  /** The id of the host that committed the run. Each start of a host has another one. */
  readonly host?: string;
  readonly error?: string;
  /** When the next attempt is due. */
  readonly dueAt?: string;
  /** The number of the dead letter, if it is stored. */
  readonly letter?: number;
  /** Why the event was dead-lettered. */
  readonly reason?: string;
  /** Whether the dead letter was redriven and waits for its run. */
  readonly redriven?: boolean;
  /** Whether the dead letter is gone, although no run of the event followed. */
  readonly dropped?: boolean;
  /** How many events of the handler are delivered before this one. */
  readonly before?: number;
  /** The end of the pause of the handler's durable. */
  readonly pausedUntil?: string;
  /** The command that helps, if one does. */
  readonly next?: string;
}

/** The facts about an event that decide its fate. */
export interface EventFacts {
  readonly sequence: number;
  /** Absent if the event is gone and no record has it. */
  readonly subject?: string;
  /** Absent if the event is gone. */
  readonly storedAtMs?: number;
  /** Whether the stream does not have the event any more. */
  readonly isGone: boolean;
}

/** A handler's durable as it is on the server. */
export interface DurableFacts extends Omit<HandlerPosition, 'plugin' | 'handler' | 'durable' | 'pending'> {
  /** How many of its events come before this one; absent where the server does not tell. */
  readonly before?: number;
}

/** An event's stay in the retry queue of one handler. */
export interface DeferredFacts {
  readonly dueAtMs: number;
  /** The dead letter that the event was redriven from. */
  readonly letter?: number;
  readonly isSettled: boolean;
  /** The end of the pause of the handler's durable on the retry queue. */
  readonly pausedUntil?: string;
  readonly failures: number;
  readonly attempts?: AttemptState;
}

/** All that is known about one event in one handler. */
export interface Evidence {
  readonly plugin: string;
  readonly handler: string;
  /** Absent if the server has no durable of the handler on the event's stream. */
  readonly durable?: DurableFacts;
  /** Whether the records say that the event is settled. They also say it of events that are not for the handler. */
  readonly isSettled: boolean;
  /** The runs of the event in the plugin's commit log, oldest first, with those of the retry queue. */
  readonly runs: readonly CommittedRun[];
  readonly attempts?: AttemptState;
  readonly outage?: Outage;
  readonly letter?: DeadLetterSummary;
  /** The stays in the retry queue, oldest first. */
  readonly deferred: readonly DeferredFacts[];
  /** The state of the event in a host that answered. */
  readonly inHost?: DeliveryState;
  /** How many hosts have answered. */
  readonly hosts: number;
}
