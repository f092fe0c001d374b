import type { StreamInfo } from './client';
import type { StreamDeletion } from './stream-deletion';

/** A stream that the host needs, or the stream under a bucket that it needs. */
export interface RequiredStream {
  readonly name: string;
  /** Names the data that is lost with the stream, for the log. */
  readonly contents: string;
  /**
   * Whether the host creates the stream. If not, another program creates it, and this host waits for it. Default true.
   */
  readonly managed?: boolean;
  /**
   * Creates the stream if it is missing, and otherwise brings its settings to the config. Rejects if a stream of this
   * name exists that the host must not use, or whose settings cannot be brought there.
   */
  create(): Promise<unknown>;
  /** Returns the settings that somebody has changed on the server, as texts. Default: they are not compared. */
  driftOf?(info: StreamInfo): readonly string[];
  /** Called when the stream was lost. The next stream is empty and counts its sequences from 1. */
  lost?(): void;
}

/** A stream of the keeper, and its last known state. */
export class KeptStream {
  readonly users = new Set<RequiredStream>();
  created = '';
  messages = 0;
  lastSequence = 0;
  notedAtMs = 0;
  missing = false;
  /** Since when the stream is missing, in milliseconds of `performance.now()`. */
  missingSinceMs = 0;
  /** How `jetplug apply` has deleted the stream that is missing; undefined for a loss. */
  deletion: StreamDeletion | undefined;
  drift: readonly string[] = [];
  checking: Promise<void> | undefined;
  checkedAtMs = 0;
  again = false;

  constructor(
    readonly name: string,
    info: StreamInfo,
  ) {
    this.note(info);
  }

  note({ created, state }: StreamInfo): void {
    this.created = created;
    this.messages = state.messages;
    this.lastSequence = state.last_seq;
    this.notedAtMs = Date.now();
  }
}
