import { TestEnvironment } from 'jest-environment-node';
import { setTimeout as sleep } from 'node:timers/promises';

/** How long what was closed may take to be gone. */
const GRACE_MS = 1000;

/** A test file fails that leaves something open: a server, a connection, a child process, a timer, a watched file. */
export default class LeakEnvironment extends TestEnvironment {
  private openBefore = new Map<string, number>();

  override async setup(): Promise<void> {
    await super.setup();
    this.openBefore = openResources();
  }

  override async teardown(): Promise<void> {
    const leaked = await this.leaked();
    await super.teardown();
    if (leaked.length > 0) throw new Error(`left open after the tests: ${leaked.join(', ')}`);
  }

  private async leaked(): Promise<string[]> {
    const began = performance.now();
    for (;;) {
      const leaked = [...openResources()].filter(([kind, count]) => count > (this.openBefore.get(kind) ?? 0));
      if (leaked.length === 0 || performance.now() - began > GRACE_MS) {
        return leaked.map(([kind, count]) => `${count - (this.openBefore.get(kind) ?? 0)} ${kind}`);
      }
      await sleep(10);
    }
  }
}

/** What keeps the process alive now, counted by kind; the timer of a sleep here is over by then. */
function openResources(): Map<string, number> {
  const counts = new Map<string, number>();
  for (const kind of process.getActiveResourcesInfo()) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return counts;
}
