import { url as debuggerUrl } from 'node:inspector';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';

/**
 * The time after which a turn of the event loop counts as blocked, give or take one beat. Nothing else runs in the host
 * during that turn.
 */
const BLOCKED_MS = 1_000;
const BEAT_MS = 250;

/** The name of the global function that the watching thread calls in this thread. */
const CALLED = 'jetplug.event-loop-blocked';

/** The data that the watching thread starts with. */
export interface WatchedLoop {
  /** The number of beats so far, in its only element. */
  readonly beats: Int32Array;
  readonly beatMs: number;
  /** The loop counts as blocked after this many missed beats. */
  readonly missed: number;
  /** The watching thread then evaluates this expression in the watched thread. */
  readonly expression: string;
}

/**
 * Called while the loop is blocked, in the async context of the code that blocks it.
 * @returns a function that is called when the loop is free again
 */
type OnBlocked = (at: { readonly stack?: string }, forMs: number) => (tookMs: number) => void;

/**
 * Watches the event loop from another thread. When the beats stop, that thread interrupts this one through the inspector,
 * and this one reports its own stack. An endless loop is reported too, and handling an event costs nothing.
 * @param failed called when the watching thread fails; the loop is no longer watched then
 */
export function watchEventLoop(blocked: OnBlocked, failed: (error: unknown) => void): { stop(): Promise<unknown> } {
  const beats = new Int32Array(new SharedArrayBuffer(4));
  let beatAtMs = performance.now();
  let free: ((tookMs: number) => void) | undefined;
  const timer = setInterval(() => {
    const nowMs = performance.now();
    free?.(nowMs - beatAtMs);
    free = undefined;
    beatAtMs = nowMs;
    Atomics.add(beats, 0, 1);
  }, BEAT_MS).unref();

  const called = (): void => {
    const forMs = performance.now() - beatAtMs;
    // The loop may be free again by now, and a debugger may stop it for any time.
    if (forMs < BLOCKED_MS || debuggerUrl() !== undefined) return;
    const at = stackBelow(called);
    // If the stack has no frame, no code runs. Then the machine was too busy to run the process.
    if (at.stack) free ??= blocked(at, forMs);
  };
  Object.assign(globalThis, { [Symbol.for(CALLED)]: called });

  const watched: WatchedLoop = {
    beats,
    beatMs: BEAT_MS,
    missed: BLOCKED_MS / BEAT_MS,
    expression: `globalThis[Symbol.for('${CALLED}')]()`,
  };
  const worker = new Worker(join(__dirname, 'event-loop-watcher.js'), { workerData: watched });
  worker.on('error', failed);
  worker.unref();
  return {
    stop: () => {
      clearInterval(timer);
      return worker.terminate();
    },
  };
}

/**
 * The number of frames in a stack. It is larger than the default, because the author's frame may be far below the
 * frames of a library.
 */
const STACK_DEPTH = 100;

function stackBelow(called: () => void): { stack?: string } {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = STACK_DEPTH;
  const at: { stack?: string } = {};
  Error.captureStackTrace(at, called);
  const { stack } = at;
  Error.stackTraceLimit = stackTraceLimit;
  // The first line is a title, and the second one is the frame of the evaluated expression.
  const frames = stack?.split('\n').slice(2) ?? [];
  return frames.length > 0 ? { stack: ['the event loop is at', ...frames].join('\n') } : {};
}
