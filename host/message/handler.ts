import type { BatchContext, EventContext, Logger } from '../../sdk';
import type { Envelope, EventContract, Location } from '../../sdk/internal';
import type { Settlements } from '../records/settlements';
import type { Time } from '../base/time';
import type { Recorder } from '../records/runs/recorder';
import type { AttemptLog } from './failures/attempts';
import type { PluginCommits } from './plugin-commits';
import type { CircuitBreaker } from './failures/circuit-breaker';
import type { HandlerCounters } from './counters';
import type { Telemetry } from './telemetry';
import type { DeadLetters, Outgoing, RetryQueue } from '../broker/ports';
import type { HandlerCanary } from './failures/handler-canary';

/** The parts of a handler that processing a message needs. */
export interface Handler {
  readonly plugin: string;
  /** The method's name in kebab-case. */
  readonly name: string;
  readonly durable: string;
  /** The subject that the handler subscribes to, with its wildcards. */
  readonly subject: string;
  /** Identifies the plugin's source text. */
  readonly version: string;
  /** Where the handler stands in its file. */
  readonly where: Location;
  /** The contract of the handler's event; absent for a handler on a raw subject, which gets any JSON object. */
  readonly contract?: EventContract;
  readonly concurrency: number;
  readonly timeoutMs: number;
  readonly retry: RetryPolicy;
  /**
   * The field whose value is the event's key. Events with equal keys are handled in order. If absent, events are
   * handled as they arrive.
   */
  readonly key?: string | undefined;
  /** The size of a batch and the wait for it; absent if the handler takes one event at a time. */
  readonly batch?: BatchPolicy | undefined;
  readonly limits: PayloadLimits;
  /** Calls the plugin's method with one event, or with the events of a batch. */
  invoke(event: Envelope | readonly Envelope[], context: EventContext | BatchContext): unknown;

  readonly settlements: Settlements;
  readonly commits: PluginCommits;
  readonly attempts: AttemptLog;
  readonly circuit: CircuitBreaker;
  /** Set while this version has not yet handled an event. */
  readonly canary?: HandlerCanary | undefined;
  readonly deadLetters: DeadLetters;
  readonly retryQueue: RetryQueue;
  readonly outgoing: Outgoing;
  readonly counters: HandlerCounters;
  /** Records the runs; absent if no runs are recorded. */
  readonly recorder?: Recorder | undefined;
  /** Traces and measures the runs; absent if telemetry is off. */
  readonly telemetry?: Telemetry | undefined;
  readonly log: Logger;
  readonly time: Time;
  /** Returns a number in [0, 1), for the jitter of retries. Default: `Math.random`. */
  readonly random?: (() => number) | undefined;
}

export interface RetryPolicy {
  /** The total number of attempts, including the first. */
  readonly attempts: number;
  /** The waits between attempts; the last one repeats. */
  readonly backoffMs: readonly number[];
}

/** How many events may begin in a length of time. */
export interface RatePolicy {
  readonly events: number;
  readonly perMs: number;
}

export interface BatchPolicy {
  readonly size: number;
  /** How long the first event waits for others. */
  readonly waitMs: number;
}

export interface PayloadLimits {
  readonly maxPayloadBytes: number;
  readonly maxDepth: number;
}
