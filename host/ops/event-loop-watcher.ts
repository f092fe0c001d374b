/** The worker thread of event-loop.ts. It notices when the event loop of the main thread stops beating. */
import { Session } from 'node:inspector';
import { workerData } from 'node:worker_threads';
import type { WatchedLoop } from './event-loop';

const { beats, beatMs, missed, expression } = workerData as WatchedLoop;
let seen = -1;
let since = 0;

// The watcher counts its own ticks instead of time, because a process that was frozen as a whole has not blocked its
// event loop.
setInterval(() => {
  const count = Atomics.load(beats, 0);
  since = count === seen ? since + 1 : 0;
  seen = count;
  if (since === missed) interrupt();
}, beatMs);

/** Evaluates the expression in the main thread. V8 interrupts JavaScript for it, but waits for a native call to return. */
function interrupt(): void {
  const session = new Session();
  session.connectToMainThread();
  session.post('Runtime.evaluate', { expression }, () => session.disconnect());
}
