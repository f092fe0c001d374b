import { setTimeout as sleep } from 'node:timers/promises';
import { VideoWatchStarted } from '../../plugins/contracts/streaming';
import type { HandlerMetrics } from './metrics';
import type { Stage } from './stage';

/** The number of watches that each plugin has handled. */
export type Handled = Readonly<Record<string, number>>;

const PATIENCE_MS = 60_000;
const POLL_MS = 50;
const SHOW_MS = 250;

/** The handlers of watches, by plugin. */
export async function watchHandlers({ host, ready, signal }: Stage): Promise<Map<string, HandlerMetrics>> {
  const others = ready.plugins.flatMap(({ plugin, handlers }) =>
    handlers
      .filter(({ subject }) => subject !== VideoWatchStarted.subject)
      .map(({ handler }) => `${plugin}.${handler}`),
  );
  const all = await host.metrics(signal);
  const takeWatches = all.filter(({ plugin, handler }) => !others.includes(`${plugin}.${handler}`));
  return new Map(takeWatches.map((one) => [one.plugin, one]));
}

/**
 * Shows a line and keeps it up to date until the work is done. The requests to the host for this line slow down the
 * measured work a little, so every measurement is made with them.
 */
export async function showDuring<T>(
  stage: Stage,
  work: Promise<T>,
  line: (handlers: Map<string, HandlerMetrics>) => string,
): Promise<T> {
  const { screen, signal } = stage;
  let over = false;
  const show = async (): Promise<void> => {
    while (!over) {
      screen.status(line(await watchHandlers(stage)));
      await sleep(SHOW_MS, undefined, { signal });
    }
  };
  const [result] = await Promise.all([work.finally(() => (over = true)), show()]);
  return result;
}

/** Waits until the plugins have handled every watch that was started by now, for at most a minute. */
export async function waitUntilHandled(
  stage: Stage,
  plugins: readonly string[],
): Promise<{ handled: Handled; all: boolean; tookMs: number }> {
  const { screen, jetplug, signal } = stage;
  const total = jetplug.startedInAll;
  const beganMs = performance.now();
  for (;;) {
    const handlers = await watchHandlers(stage);
    const counts = plugins.map((plugin) => [plugin, handlers.get(plugin)?.handled ?? 0] as const);
    const behind = counts.filter(([, handled]) => handled < total);
    const tookMs = performance.now() - beganMs;
    if (behind.length === 0 || tookMs > PATIENCE_MS) {
      return { handled: Object.fromEntries(counts), all: counts.every(([, handled]) => handled === total), tookMs };
    }
    screen.status(`${behind.map(([plugin, handled]) => `${plugin} ${handled}`).join(', ')} of ${total} events`);
    await sleep(POLL_MS, undefined, { signal });
  }
}

/** `analytics 39, badge 40` */
export function readableHandled(handled: Handled): string {
  return Object.entries(handled)
    .map(([plugin, count]) => `${plugin} ${count}`)
    .join(', ');
}
