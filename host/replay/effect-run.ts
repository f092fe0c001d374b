import type { AllHeaders } from '../broker/headers';
import type { OutgoingEvent } from '../broker/ports';
import type { RunError, RunOutcome, RunVerdict } from '../records/runs/run-record';

/*
 * The input and the result of one run of a handler whose effects are captured. Both are plain data, so that they can be
 * sent between processes as JSON. A run depends on nothing else but the plugin's code and config, so one process can do
 * many of them, one after the other.
 */

/** An event, and the state of the plugin's store and clock that the handler sees. */
export interface EffectRun {
  readonly event: ReplayedEvent;
  /** The values of the plugin's store: each key as it is in the bucket, with its text. */
  readonly store: readonly (readonly [key: string, text: string])[];
  /** The time at which the plugin's clock starts, in milliseconds since 1970. */
  readonly startsAtMs: number;
}

/** A stored event as its stream has it. */
export interface ReplayedEvent extends AllHeaders {
  readonly stream: string;
  readonly sequence: number;
  readonly subject: string;
  /** In milliseconds since 1970. */
  readonly storedAtMs: number;
  /** The payload's bytes in base64. */
  readonly payload: string;
}

/** The effects of a run, and its end. Nothing of it was stored or sent. */
export interface Effects {
  readonly outcome: RunOutcome;
  /** The fate of the event in a host after this run, as its first attempt. */
  readonly verdict: RunVerdict;
  /** The delay of the retry in milliseconds, if the verdict has one. */
  readonly delayMs?: number;
  /** Why the event would become a dead letter. */
  readonly reason?: string;
  readonly error?: RunError;
  /** How long the handler ran, in milliseconds, with its waits for a debugger. */
  readonly ranMs: number;
  /** The keys whose value the run has changed, in the order of the first change. */
  readonly changes: readonly StoreChange[];
  /** The published events, in the order in which they would be sent. */
  readonly events: readonly OutgoingEvent[];
  /** Whether the handler has passed functions to `afterCommit`. They were called as in a host. */
  readonly hasAfterCommit: boolean;
  readonly log: readonly CapturedLine[];
  /** How many log lines were left out. */
  readonly logLeft: number;
}

/** A changed key, as it is in the bucket, with its texts; `null` for no value. */
export interface StoreChange {
  readonly key: string;
  readonly before: string | null;
  readonly after: string | null;
}

/** A line that the plugin has logged. */
export interface CapturedLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}
