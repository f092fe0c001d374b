/** A thread of its own, started by event-loop.ts: sees that the main thread does not come round any more. */
import { Session } from 'node:inspector';
import { workerData } from 'node:worker_threads';
import type { WatchedLoop } from './event-loop';

const { beats, beatMs, missed, expression } = workerData as WatchedLoop;
let seen = -1;
let since = 0;

// Ticks are counted, not time: a process that was frozen as a whole has missed none.
setInterval(() => {
  const count = Atomics.load(beats, 0);
  since = count === seen ? since + 1 : 0;
  seen = count;
  if (since === missed) ask();
}, beatMs);

/** V8 lets the inspector in even where JavaScript never returns; a native call is waited for. */
function ask(): void {
  const session = new Session();
  session.connectToMainThread();
  session.post('Runtime.evaluate', { expression }, () => session.disconnect());
}
