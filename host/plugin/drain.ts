import { setTimeout as sleep } from 'node:timers/promises';
import type { PartedLog } from '../log';
import type { ConsumingHandler } from './consume';
import { lifecycleError, type ContainedPlugin } from './contain';
import type { PluginDefinition } from './describe';

/** How long `onStop` may take: neither the next version nor the host's exit waits for ever. */
const STOP_LIMIT_MS = 10_000;

/** Ends a plugin's life: its handlers stop, then it is told, then what was made for it is released. */
export async function drain(
  plugin: PluginDefinition,
  contained: ContainedPlugin,
  handlers: readonly ConsumingHandler[],
  graceMs: number,
  log: PartedLog,
): Promise<void> {
  await Promise.all(handlers.map((handler) => handler.stop(graceMs)));
  const failed = (error: unknown): void =>
    log.error('a plugin did not stop cleanly', {
      plugin: plugin.name,
      err: lifecycleError('JP_PLUGIN_STOP_FAILED', 'onStop', plugin, error),
    });
  const ended = end(contained).catch(failed);
  const late = Symbol();
  const timer = new AbortController();
  const first = await Promise.race([
    ended,
    sleep(STOP_LIMIT_MS, late, { signal: timer.signal }).catch(() => undefined),
  ]);
  timer.abort();
  if (first === late) failed(new Error(`it has not ended after ${STOP_LIMIT_MS} ms and is not waited for any longer`));
}

async function end({ instance, release }: ContainedPlugin): Promise<void> {
  await instance.onStop?.();
  await release();
}
