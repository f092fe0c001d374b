import type { LiveRuns } from './live-runs';
import type { RunRecorder } from './run-recorder';

/** Takes the records of a host's runs: for the stream of records, and for those who watch now. */
export class Recorder {
  constructor(
    /** Stores records; undefined if none are stored. */
    readonly store: Pick<RunRecorder, 'isSampled' | 'add'> | undefined,
    readonly live: Pick<LiveRuns, 'isWatched' | 'add'>,
  ) {}

  /** Whether a run may be recorded. */
  get isActive(): boolean {
    return this.store !== undefined || this.live.isWatched;
  }
}
