import type { HandlerStatus, PluginStatus, RunTimes } from '../../ops/status';
import type { LiveHandler, LivePlugin } from '../api';

/** The plugins at one time. */
export interface Reading {
  readonly atMs: number;
  readonly plugins: readonly PluginStatus[];
}

const PERCENTILE = 0.99;

/** Adds the rates since an earlier reading. Without one there are no rates. */
export function livePlugins(now: Reading, before: Reading | undefined): LivePlugin[] {
  const seconds = before ? (now.atMs - before.atMs) / 1_000 : 0;
  const earlier = new Map(before?.plugins.flatMap((plugin) => plugin.handlers.map((one) => [keyOf(plugin, one), one])));
  return now.plugins.map((plugin) => ({
    ...plugin,
    handlers: plugin.handlers.map((handler) => liveHandler(handler, earlier.get(keyOf(plugin, handler)), seconds)),
  }));
}

/** Names a handler. Two plugins may have one name for a moment, so the file counts. */
function keyOf({ plugin, file }: PluginStatus, { handler }: HandlerStatus): string {
  return JSON.stringify([plugin, file, handler]);
}

function liveHandler(now: HandlerStatus, before: HandlerStatus | undefined, seconds: number): LiveHandler {
  // The page needs the percentile only, and its messages are short.
  const { runTimes, ...handler } = now;
  // The counts fall when a host ends or starts anew. The next reading has a rate again.
  const isComparable =
    before !== undefined && seconds > 0 && now.handled >= before.handled && now.failed >= before.failed;
  if (!isComparable) return handler;
  const p99Ms = runTimes && before.runTimes && percentileMs(runTimes, before.runTimes);
  return {
    ...handler,
    handledPerS: (now.handled - before.handled) / seconds,
    failedPerS: (now.failed - before.failed) / seconds,
    ...(p99Ms !== undefined && { p99Ms }),
  };
}

/**
 * Returns an upper bound of the 99th percentile of the calls between two readings, in ms; undefined if there was no call,
 * or the percentile is beyond the last bound.
 */
function percentileMs({ boundsS, counts }: RunTimes, before: RunTimes): number | undefined {
  const since = counts.map((count, i) => count - (before.counts[i] ?? 0));
  const total = since.reduce((sum, count) => sum + count, 0);
  if (total <= 0) return undefined;
  let seen = 0;
  const bucket = since.findIndex((count) => (seen += count) >= total * PERCENTILE);
  const boundS = boundsS[bucket];
  return boundS === undefined ? undefined : boundS * 1_000;
}
