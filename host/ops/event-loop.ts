import { url as debuggerUrl } from 'node:inspector';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';

/** A turn of the event loop that takes longer than about this, by a beat more or less, is told: meanwhile nothing else runs in the host. */
const BLOCKED_MS = 1_000;
const BEAT_MS = 250;

/** Under this name the watching thread finds what it calls in this one. */
const CALLED = 'jetplug.event-loop-blocked';

/** What the watching thread is given. */
export interface WatchedLoop {
  /** Counts the beats. */
  readonly beats: Int32Array;
  readonly beatMs: number;
  /** After so many missed ones the loop is blocked. */
  readonly missed: number;
  /** What it then has this thread evaluate. */
  readonly expression: string;
}

/** Told in the middle of what blocks, in its async context; what it returns is called when the loop is free again. */
type OnBlocked = (at: { readonly stack?: string }, forMs: number) => (tookMs: number) => void;

/**
 * Watches the event loop from another thread, which sees it stop beating and, through the inspector, has this
 * one say in the middle of its work what it is at. So even an endless loop is told, and events cost nothing.
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
    // It may have become free in between; and whoever debugs holds the loop as long as they like.
    if (forMs < BLOCKED_MS || debuggerUrl() !== undefined) return;
    const at = stackBelow(called);
    // Where nothing is under way, it is the machine that has no time for the process.
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

/** Deeper than an error's own: the author's frame may be far below those of a library. */
const STACK_DEPTH = 100;

function stackBelow(called: () => void): { stack?: string } {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = STACK_DEPTH;
  const at: { stack?: string } = {};
  Error.captureStackTrace(at, called);
  const { stack } = at;
  Error.stackTraceLimit = stackTraceLimit;
  // The first line is no frame, and the next one is the evaluated expression's.
  const frames = stack?.split('\n').slice(2) ?? [];
  return frames.length > 0 ? { stack: ['the event loop is at', ...frames].join('\n') } : {};
}
