import { isJetplugError } from '../../../sdk/internal';
import { pause, retryUntil } from '../../base/retry-until';
import type { Time } from '../../base/time';
import type { CommitLog, LogBounds, LoggedCommit } from './commit-log';

/** Thrown when commits that a host has not read are not in the log any more. */
export class LogCut extends Error {
  override readonly name = 'LogCut';
  constructor(
    readonly after: number,
    readonly first: number,
  ) {
    super(`the log has no commit between ${after} and ${first}`);
  }
}

/** Thrown when the log ends before the commit that a host has taken last: it was restored from a backup, or truncated. */
export class LogShortened extends Error {
  override readonly name = 'LogShortened';
  constructor(
    readonly position: number,
    readonly last: number,
  ) {
    super(`the log ends at ${last}, and commit ${position} was in it`);
  }
}

export interface LogReaderOptions {
  readonly time: Time;
  readonly stop: AbortSignal;
  /** The position of the last commit that was taken. */
  position(): number;
  /** Takes the commit that follows the last one. */
  take(commit: LoggedCommit): void;
  /** Called if the log cannot be read. The read is retried. */
  failed(error: unknown): void;
  /** Called when the server has returned from an absence, perhaps with another state than before. */
  reconnected(): void;
  /** Called if a commit that follows cannot be taken or is not in the log any more, or the log has become shorter. */
  cut(error: unknown): void;
}

const RETRY_MS = 30;
/** Longer than a leader that was cut off from the other replicas answers with an earlier end of the log. */
const CUT_OFF_MS = 30_000;
const CUT_OFF_RETRY_MS = 500;

/** Reads a log in order: from its tail, and from the server where the tail has a gap. */
export class LogReader {
  private reading: Promise<void> | undefined;
  private unfollow: (() => void) | undefined;
  private refreshing: Promise<void> = Promise.resolve();
  private nextRefresh: Promise<void> | undefined;

  constructor(
    private readonly log: CommitLog,
    private readonly options: LogReaderOptions,
  ) {}

  /** Follows the tail. A gap in it is read from the server. */
  follow(): void {
    const { position, take, cut, reconnected } = this.options;
    this.unfollow = this.log.follow(
      (commit) => {
        const expected = position() + 1;
        if (commit.position > expected) return void this.catchUp().catch(cut);
        if (commit.position < expected) return;
        try {
          take(commit);
        } catch (error) {
          cut(error);
        }
      },
      () => {
        reconnected();
        void this.check().catch(cut);
      },
    );
  }

  stop(): void {
    this.unfollow?.();
  }

  /**
   * Reads the commits that follow the last one that was taken. Resolves when there are no more.
   * @throws LogCut
   */
  catchUp(): Promise<void> {
    return (this.reading ??= this.readOn().finally(() => (this.reading = undefined)));
  }

  /**
   * Reads until the commit at the position is taken. The server has it, but a replica may not have it yet.
   * @throws LogCut, LogShortened
   */
  async catchUpTo(position: number): Promise<void> {
    const { options } = this;
    while (options.position() < position && !options.stop.aborted) {
      await this.catchUp();
      if (options.position() >= position) return;
      const { first, last } = await this.boundsFrom();
      if (last >= position && first > options.position() + 1) throw new LogCut(options.position(), first);
      if (last < position) return;
      await new Promise<void>((resolve) => options.time.after(RETRY_MS, resolve));
    }
  }

  /**
   * Reads to the end that the log has now. All calls during a read share the next one. Rejects if the server does not
   * answer.
   * @throws LogCut, LogShortened
   */
  refresh(): Promise<void> {
    const begin = async (): Promise<void> => {
      this.refreshing = this.nextRefresh!;
      this.nextRefresh = undefined;
      await this.catchUpTo((await this.log.bounds()).last);
    };
    return (this.nextRefresh ??= this.refreshing.then(begin, begin));
  }

  /**
   * Reads the limits of the log when it ends at this position or later. An earlier end in one answer does not prove that
   * the log has become shorter, because the leader may be cut off: the end must stay earlier.
   * @param position a position that was in the log before this call. Default: that of the last commit that was taken
   * @throws LogShortened
   */
  async boundsFrom(position = this.options.position()): Promise<LogBounds> {
    const { time, stop } = this.options;
    let sinceMs: number | undefined;
    for (;;) {
      const bounds = await this.sure(() => this.log.bounds());
      if (bounds.last >= position) return bounds;
      sinceMs ??= time.nowMs();
      const isProven = !bounds.mayBeBehind || time.nowMs() - sinceMs >= CUT_OFF_MS;
      if (isProven) throw new LogShortened(position, bounds.last);
      await pause(CUT_OFF_RETRY_MS, time, stop);
    }
  }

  /**
   * Repeats a request until the server answers.
   * @throws Stopped, JetplugError `JP_LOG_UNREADABLE`
   */
  async sure<T>(request: () => Promise<T>): Promise<T> {
    const { time, stop, failed } = this.options;
    const answer = await retryUntil(async () => ({ value: await request() }), {
      waitMs: RETRY_MS,
      stop,
      failed,
      time,
      mayPass: (error) => !(isJetplugError(error) && error.code === 'JP_LOG_UNREADABLE'),
    });
    if (answer === undefined) throw new Stopped();
    return answer.value;
  }

  /**
   * Reads what was appended while the server was absent.
   * @throws LogCut, LogShortened
   */
  private async check(): Promise<void> {
    await this.catchUpTo((await this.boundsFrom()).last);
  }

  private async readOn(): Promise<void> {
    const { options } = this;
    for (;;) {
      const commits = await this.sure(() => this.log.readAfter(options.position()));
      if (commits.length === 0) return;
      for (const commit of commits) {
        // The tail may have brought it meanwhile.
        if (commit.position <= options.position()) continue;
        if (commit.position > options.position() + 1) throw new LogCut(options.position(), commit.position);
        options.take(commit);
      }
    }
  }
}

/** Thrown where a read ends because the host stops. */
export class Stopped extends Error {
  override readonly name = 'Stopped';
}
