import type { LivePlugin } from '../api';

/** Hosts read a lag anew every 15 s. Only over a longer time a growth means something. */
const COMPARE_MS = 30_000;

/** Tells which handlers fall behind: their lag is greater than it was 30 s ago or more. */
export class LagTrend {
  private before = new Map<string, number>();
  private current = new Map<string, number>();
  private sinceMs = -Infinity;

  /** Notes the lags of a time. Returns the handlers that fall behind, as `plugin.handler`. */
  note(plugins: readonly LivePlugin[], nowMs: number): Set<string> {
    const lags = new Map(
      plugins.flatMap(({ plugin, handlers }) =>
        handlers.map(({ handler, lagMs = 0 }): [string, number] => [`${plugin}.${handler}`, lagMs]),
      ),
    );
    if (nowMs - this.sinceMs >= COMPARE_MS) {
      this.before = this.current;
      this.current = lags;
      this.sinceMs = nowMs;
    }
    return new Set(
      [...lags].filter(([name, lagMs]) => lagMs > (this.before.get(name) ?? Infinity)).map(([name]) => name),
    );
  }
}
