/** What runs on one version of a handler; tells when the last of it has ended, so that the version can be let go. */
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

  /** Resolves when nothing runs; asked for once nothing more begins. */
  async ended(): Promise<void> {
    if (this.count > 0) await new Promise<void>((resolve) => (this.whenNone = resolve));
  }
}
