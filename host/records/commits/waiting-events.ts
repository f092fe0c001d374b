import type { EventOf, RunChanges } from './commit';
import type { CommitResult, CommitWaiter } from './finished-runs';

/**
 * The events whose run has finished and waits for its commit. The server may deliver such an event to the same host
 * again, for example after a stop has given the run up. A second run of the event waits until the fate of the first one
 * is known, because a commit with both would apply the event twice.
 */
export class WaitingEvents {
  private readonly byHandler = new Map<string, Map<number, WaitingRun>>();
  /** The handler that was used last. Consecutive events mostly have the same, so its name is seldom built. */
  private last: (Pick<EventOf, 'durable' | 'incarnation'> & { runs: Map<number, WaitingRun> }) | undefined;

  /** Returns the run that waits with one of these events. */
  find(changes: readonly RunChanges[]): WaitingRun | undefined {
    for (const { event } of changes) {
      const found = event && this.runsOf(event).get(event.sequence);
      if (found) return found;
    }
    return undefined;
  }

  /** Adds a run until its waiter gets the result. Returns the waiter to use. */
  add(changes: readonly RunChanges[], waiter: CommitWaiter): CommitWaiter {
    if (changes.length === 0) return waiter;
    const run = new WaitingRun(this, changes, waiter);
    for (const { event } of changes) if (event) this.runsOf(event).set(event.sequence, run);
    return run;
  }

  remove(changes: readonly RunChanges[]): void {
    for (const { event } of changes) if (event) this.runsOf(event).delete(event.sequence);
  }

  private runsOf({ durable, incarnation }: EventOf): Map<number, WaitingRun> {
    if (this.last?.durable === durable && this.last.incarnation === incarnation) return this.last.runs;
    const name = `${durable} ${incarnation}`;
    let runs = this.byHandler.get(name);
    if (!runs) this.byHandler.set(name, (runs = new Map<number, WaitingRun>()));
    this.last = { durable, incarnation, runs };
    return runs;
  }
}

/** Gets the result of a run, for the run and for later runs of its events. */
export class WaitingRun implements CommitWaiter {
  private followers: (() => void)[] | undefined;

  constructor(
    private readonly events: WaitingEvents,
    private readonly changes: readonly RunChanges[],
    private readonly waiter: CommitWaiter,
  ) {}

  /** Calls the function when the result of the run is known. */
  follow(known: () => void): void {
    (this.followers ??= []).push(known);
  }

  resolve(result: CommitResult): void {
    this.events.remove(this.changes);
    this.waiter.resolve(result);
    this.followers?.forEach((known) => known());
  }

  reject(error: Error): void {
    this.events.remove(this.changes);
    this.waiter.reject(error);
    this.followers?.forEach((known) => known());
  }
}
