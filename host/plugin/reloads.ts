import type { ErrorReport } from '../../sdk/internal';

/** `failed`: the new version did not come up. `refused`: it did, but cannot take its durables over. In both the old one runs on. */
export type ReloadOutcome = 'loaded' | 'swapped' | 'failed' | 'refused' | 'rolled-back' | 'removed';

/** What became of one change of a plugin. */
export interface Reload {
  readonly outcome: ReloadOutcome;
  /** When it was over, in ISO 8601. */
  readonly time: string;
  readonly tookMs: number;
  readonly version?: string;
  readonly error?: ErrorReport;
}

/** So many are kept of each plugin. */
const KEPT = 5;

/** What became of the last changes of each plugin, and how many there were of each kind since the host started. */
export class Reloads {
  private readonly last = new Map<string, Reload[]>();
  private readonly counted = new Map<string, Map<ReloadOutcome, number>>();

  note(plugin: string, reload: Reload): void {
    this.last.set(plugin, [...this.of(plugin), reload].slice(-KEPT));
    const counts = this.counted.get(plugin) ?? new Map<ReloadOutcome, number>();
    counts.set(reload.outcome, (counts.get(reload.outcome) ?? 0) + 1);
    this.counted.set(plugin, counts);
  }

  /** The last ones, the newest last. */
  of(plugin: string): readonly Reload[] {
    return this.last.get(plugin) ?? [];
  }

  get counts(): { readonly plugin: string; readonly outcome: ReloadOutcome; readonly count: number }[] {
    return [...this.counted].flatMap(([plugin, counts]) =>
      [...counts].map(([outcome, count]) => ({ plugin, outcome, count })),
    );
  }
}
