import type { ErrorReport } from '../../sdk/internal';

/**
 * The outcome of a reload. `failed`: the new version could not be started. `refused`: the new version could be started,
 * but its durables cannot be changed to its settings. In both cases the old version continues to run.
 */
export type ReloadOutcome = 'loaded' | 'swapped' | 'failed' | 'refused' | 'rolled-back' | 'removed';

/** One change of a plugin, and its outcome. */
export interface Reload {
  readonly outcome: ReloadOutcome;
  /** The time at which the reload ended, in ISO 8601. */
  readonly time: string;
  readonly tookMs: number;
  readonly version?: string;
  readonly error?: ErrorReport;
}

/** The number of reloads that are remembered for each plugin. */
const REMEMBERED = 5;

/** The last reloads of each plugin, and the number of reloads by outcome since the host started. */
export class Reloads {
  private readonly last = new Map<string, Reload[]>();
  private readonly counted = new Map<string, Map<ReloadOutcome, number>>();

  note(plugin: string, reload: Reload): void {
    this.last.set(plugin, [...this.of(plugin), reload].slice(-REMEMBERED));
    const counts = this.counted.get(plugin) ?? new Map<ReloadOutcome, number>();
    counts.set(reload.outcome, (counts.get(reload.outcome) ?? 0) + 1);
    this.counted.set(plugin, counts);
  }

  /** Returns the last reloads of the plugin, the newest last. */
  of(plugin: string): readonly Reload[] {
    return this.last.get(plugin) ?? [];
  }

  get counts(): { readonly plugin: string; readonly outcome: ReloadOutcome; readonly count: number }[] {
    return [...this.counted].flatMap(([plugin, counts]) =>
      [...counts].map(([outcome, count]) => ({ plugin, outcome, count })),
    );
  }
}
