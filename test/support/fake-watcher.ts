import { EventEmitter } from 'node:events';

/** A watcher of chokidar that sees only the changes that the test emits. */
export class FakeWatcher extends EventEmitter {
  isClosed = false;

  close(): Promise<void> {
    this.isClosed = true;
    return Promise.resolve();
  }
}
