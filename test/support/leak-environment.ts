import { TestEnvironment } from 'jest-environment-node';
import { setTimeout as sleep } from 'node:timers/promises';

/** How long closed resources may take to disappear. */
const GRACE_MS = 1000;

/** Fails a test file that leaves a server, a connection, a child process, a timer or a watched file open. */
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

/** The open resources that keep the process alive, counted by kind. */
function openResources(): Map<string, number> {
  const counts = new Map<string, number>();
  for (const kind of process.getActiveResourcesInfo()) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return counts;
}
