import type { Connection } from '../../nats/connection';
import { subscribeToHosts, type Subscription } from '../../nats/service';
import type { LiveMessage, LiveRun } from '../../records/runs/live-runs';
import type { LiveMessages } from '../api';

const MAX_RUNS = 20;

/** Collects a sample of the runs that have ended. Failed runs are left out last. */
export class RunSamples {
  private runs: LiveRun[] = [];
  private left = 0;

  /** Subscribes to the runs of all hosts. The hosts end a watch that is not asked for again in 6 s. */
  watch(connection: Connection): Subscription {
    return subscribeToHosts(connection, 'tail', '{}', (answer) => {
      if ('runs' in answer) this.add(answer as LiveMessage);
    });
  }

  add({ runs, left }: LiveMessage): void {
    this.left += left;
    for (const run of runs) this.addRun(run);
  }

  /** Returns the sample since the last call; undefined if no run has ended. */
  take(): LiveMessages['runs'] | undefined {
    const { runs, left } = this;
    this.runs = [];
    this.left = 0;
    return runs.length === 0 && left === 0 ? undefined : { runs, left };
  }

  private addRun(run: LiveRun): void {
    if (this.runs.length < MAX_RUNS) {
      this.runs.push(run);
      return;
    }
    this.left++;
    if (isHandled(run)) return;
    const at = this.runs.findIndex(isHandled);
    if (at >= 0) this.runs[at] = run;
  }
}

function isHandled({ outcome }: LiveRun): boolean {
  return outcome === 'handled';
}
