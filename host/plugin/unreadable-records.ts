import type { JetplugError } from '../../sdk/internal';
import type { Settlements } from '../records/settlements';
import type { CommitLogs } from './commit-logs';

/** Finds out whether a later version of Jetplug has stored something that a handler would have to read or replace. */
export class UnreadableRecords {
  constructor(
    private readonly settlements: () => Pick<Settlements, 'isUnreadable'>,
    private readonly commits: Pick<CommitLogs, 'get'>,
    private readonly plugin: string,
  ) {}

  /** Whether this host has found such a record. */
  get isFound(): boolean {
    return this.settlements().isUnreadable || this.logFailure() !== undefined;
  }

  /** @throws JetplugError `JP_LOG_UNREADABLE` */
  async assertReadableLog(): Promise<void> {
    if (!this.logFailure()) return;
    // A log that could not be opened may have been mended since.
    await this.commits.get(this.plugin)?.find();
    const failure = this.logFailure();
    if (failure) throw failure;
  }

  private logFailure(): JetplugError | undefined {
    const failure = this.commits.get(this.plugin)?.failure;
    return failure?.code === 'JP_LOG_UNREADABLE' ? failure : undefined;
  }
}
