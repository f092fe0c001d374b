/** Counts the runs on one version of a handler, so that the version can be released after the last one. */
export class VersionRuns {
  private count = 0;
  private whenNone: (() => void) | undefined;

  begin(): void {
    this.count++;
  }

  end(): void {
    this.count--;
    if (this.count === 0) this.whenNone?.();
  }

  /** Resolves when no run is left. Call it after the last run has begun. */
  async ended(): Promise<void> {
    if (this.count > 0) await new Promise<void>((resolve) => (this.whenNone = resolve));
  }
}
