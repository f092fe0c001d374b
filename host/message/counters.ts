import { ConflictKeys } from './conflict-keys';
import { EventWaits } from './event-waits';
import { Histogram } from './histogram';

const DURATION_BUCKETS_S = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30] as const;

/** With fewer conflicts, or with a smaller share of a handler's runs, they are not worth a warning. */
const MANY_CONFLICTS = 100;
const OFTEN = 0.1;

/** The counters of one handler since the handler started. */
export class HandlerCounters {
  handled = 0;
  failed = 0;
  retried = 0;
  deadLettered = 0;
  /** How often a run has started again, because a value that it had read was changed meanwhile. */
  conflicts = 0;
  private readonly conflictKeys = new ConflictKeys();
  /** How long the calls of the handler took. */
  readonly durations = new Histogram(DURATION_BUCKETS_S);
  /** How long the events waited from their storing to the start of their first run. */
  readonly waits = new EventWaits();
  lastError: string | undefined;

  /** How many calls of the handler have ended. */
  get runs(): number {
    return this.durations.count;
  }

  get durationSumS(): number {
    return this.durations.sumS;
  }

  /**
   * Counts runs of a call that start again.
   * @param key the key whose value has changed, if that is the reason
   */
  conflicted(runs: number, key: string | undefined): void {
    this.conflicts += runs;
    if (key !== undefined) this.conflictKeys.note(key, runs);
  }

  /** The key that causes most conflicts; undefined if the handler's runs start again only rarely. */
  get conflictKey(): ConflictKeys['first'] {
    const isOften = this.conflicts >= MANY_CONFLICTS && this.conflicts >= this.runs * OFTEN;
    return isOften ? this.conflictKeys.first : undefined;
  }
}
