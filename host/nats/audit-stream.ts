import type { Config } from '../config/config';
import type { AuditEntry } from '../records/audit-entry';
import { assertReadable } from '../records/record-format';
import type { Connection } from './connection';
import { asBrokerError, isNoResponders } from './failures';
import { ensureManagedStream } from './managed-stream';
import { readRange } from './stored-event';
import { findStream } from './streams';
import { AUDIT_STREAM, AUDIT_SUBJECT, auditStream } from './wanted-streams';

/** The format of the entries. */
const FORMAT = 1;
const TIMEOUT_MS = 5_000;
/** How many messages are read at a time from the end of the stream. */
const BACK_BATCH = 100;

/** An entry, with its sequence in the stream. */
export interface StoredEntry {
  readonly sequence: number;
  readonly entry: AuditEntry;
}

/** The records of changes, in a stream of their own. */
export class AuditStream {
  constructor(
    private readonly connection: Connection,
    private readonly config: Config,
  ) {}

  /** Stores an entry. The first one creates the stream. @throws JetplugError `JP_BROKER_*` or `JP_STREAM_*` */
  async append(entry: AuditEntry): Promise<void> {
    const text = JSON.stringify({ format: FORMAT, ...entry });
    try {
      await this.publish(text);
    } catch (error) {
      if (!isNoResponders(error)) throw asBrokerError(error, `stream ${AUDIT_STREAM}`);
      await ensureManagedStream(this.connection, auditStream(this.config), this.config.deploy);
      await this.publish(text);
    }
  }

  /**
   * Reads the entries, the newest first; none if there is no stream.
   * @throws JetplugError `JP_RECORD_NEWER`
   * @param before only entries with a smaller sequence
   */
  async *newestFirst(before = Infinity): AsyncGenerator<StoredEntry> {
    const info = await findStream(this.connection, AUDIT_STREAM);
    if (!info) return;
    const { first_seq: first, last_seq: last } = info.state;
    for (let end = Math.min(last, before - 1); end >= first; end -= BACK_BATCH) {
      const from = Math.max(first, end - BACK_BATCH + 1);
      const messages = await readRange(this.connection, AUDIT_STREAM, from, end);
      for (const { sequence, message } of messages.reverse()) {
        const entry = readEntry(sequence, message.string());
        if (entry) yield { sequence, entry };
      }
    }
  }

  private async publish(text: string): Promise<void> {
    const expect = { streamName: AUDIT_STREAM };
    await this.connection.js.publish(AUDIT_SUBJECT, text, { expect, timeout: TIMEOUT_MS });
  }
}

const TEXTS = ['at', 'who', 'via', 'action', 'target', 'outcome'] as const satisfies (keyof AuditEntry)[];

/** Any program may publish to the subject, so messages that are no entries are left out. */
function readEntry(sequence: number, text: string): AuditEntry | undefined {
  let stored: (AuditEntry & { readonly format?: number }) | null;
  try {
    stored = JSON.parse(text) as typeof stored;
  } catch {
    return undefined;
  }
  const { format, ...entry } = stored ?? ({} as Partial<AuditEntry> & { format?: number });
  assertReadable(`entry ${sequence} of the stream ${AUDIT_STREAM}`, format, FORMAT);
  return TEXTS.every((field) => typeof entry[field] === 'string') ? (entry as AuditEntry) : undefined;
}
