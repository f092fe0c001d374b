import { JetplugError } from '../../sdk/internal';
import type { RunLog, StoredRuns } from '../records/runs/run-log';
import { readBatch } from './batch-answers';
import type { Connection } from './connection';
import { requiredStream, type StreamsConfig } from './ensure-streams';
import { readRange } from './stored-event';
import type { StreamKeeper } from './stream-keeper';
import { findStream } from './streams';
import { RUNS_STREAM, runStream, runSubject } from './wanted-streams';

/** The limits of one batch that is read. */
const READ_BATCH = 1_000;
const READ_BYTES = 4 * 1024 * 1024;
/** How many messages are read at a time from the end of the stream. */
const BACK_BATCH = 64;

/** The records of runs, in a stream of their own. */
export class RunStream implements RunLog {
  constructor(private readonly connection: Connection) {}

  /** Creates the stream, or updates it to the config. */
  static async open(connection: Connection, keeper: StreamKeeper, config: StreamsConfig): Promise<RunStream> {
    const required = requiredStream(connection, runStream(config), config.deploy);
    await required.create();
    await keeper.add(required);
    return new RunStream(connection);
  }

  /**
   * Finds the stream.
   * @throws JetplugError `JP_RUNS_MISSING` if there is none
   */
  static async find(connection: Connection): Promise<RunStream> {
    if (await findStream(connection, RUNS_STREAM)) return new RunStream(connection);
    throw new JetplugError('JP_RUNS_MISSING', `there is no stream ${RUNS_STREAM} on ${connection.server}`);
  }

  async append(group: number, message: Uint8Array): Promise<void> {
    await this.connection.requests.publish(runSubject(group), message, { endsWithConnection: true });
  }

  /** Reads the records of a group of trees, the oldest first. */
  async *ofGroup(group: number): AsyncGenerator<StoredRuns> {
    for (let from = 1; ;) {
      const limits = { batch: READ_BATCH, max_bytes: READ_BYTES };
      const messages = await readBatch(this.connection, RUNS_STREAM, {
        seq: from,
        next_by_subj: runSubject(group),
        ...limits,
      });
      if (messages.length === 0) return;
      for (const { sequence, message } of messages) yield { position: sequence, bytes: message.data };
      from = messages.at(-1)!.sequence + 1;
    }
  }

  /**
   * Reads all records, the newest messages first.
   * @param progress called with the share of the stream that is read, from 0 to 1
   */
  async *newestFirst(progress: (share: number) => void): AsyncGenerator<StoredRuns> {
    const info = await findStream(this.connection, RUNS_STREAM);
    if (!info) return;
    const { first_seq: first, last_seq: last } = info.state;
    for (let end = last; end >= first; end -= BACK_BATCH) {
      const from = Math.max(first, end - BACK_BATCH + 1);
      const messages = await readRange(this.connection, RUNS_STREAM, from, end);
      for (const { sequence, message } of messages.reverse()) yield { position: sequence, bytes: message.data };
      progress((last - from + 1) / (last - first + 1));
    }
  }
}
