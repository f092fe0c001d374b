import { isJetplugError, JetplugError, type ErrorCode } from '../../sdk/internal';
import type { EventBus } from '../../sdk';
import { BoundedMap } from '../base/bounded-map';
import { derivedUuid } from '../base/derived-id';
import { Limiter } from '../base/limiter';
import { plainError } from '../base/plain-error';
import { showThrown } from '../base/thrown';
import type { Time } from '../base/time';
import type { OutboxRow, RowId } from './outbox';

/**
 * How long a row may be published after it was taken. A program that was frozen for longer takes the rows again: another
 * one may have published them long ago, and the stream drops a repeat only within its duplicate window (2 min).
 */
const FRESH_MS = 60_000;
/** The time for which a row waits for a stream that holds its subject. A host that starts creates its streams. */
const NO_STREAM_MS = 30_000;
/** The largest number of subjects whose missing stream is remembered. */
const MAX_SUBJECTS = 1_000;
/** The server is away, or does not store the event at the moment. */
const MAY_PASS = new Set<ErrorCode>(['JP_PUBLISH_FAILED', 'JP_PUBLISH_BACKLOG']);

/** The results of one batch of rows. A row that is in neither list is to be taken again. */
export interface PublishedRows<Row> {
  readonly stored: RowId[];
  readonly refused: { readonly row: Row; readonly error: JetplugError }[];
  /** The first error after which a row is tried again. */
  failure?: JetplugError;
}

interface Batch<Row> extends PublishedRows<Row> {
  readonly freshUntilMs: number;
  /** Whether no further row is sent, because another one has failed. */
  ended: boolean;
}

/** Publishes rows of an outbox under ids that are derived from the rows' ids. */
export class RowPublisher<Row extends OutboxRow> {
  /** The time of the first failure, by the subject that no stream holds. */
  private readonly missing = new BoundedMap<string, number>(MAX_SUBJECTS);

  /**
   * @param settings the outbox's name, and the most events that are sent at a time
   * @param stop after it, no further row is sent
   */
  constructor(
    private readonly bus: Pick<EventBus, 'publish'>,
    private readonly settings: { readonly name: string; readonly concurrency: number },
    private readonly time: Time,
    private readonly stop: AbortSignal,
  ) {}

  /** Publishes the rows; those of one key one after the other. Resolves when no event is being sent. */
  async publish(rows: readonly Row[], takenAtMs: number): Promise<PublishedRows<Row>> {
    const batch: Batch<Row> = { stored: [], refused: [], ended: false, freshUntilMs: takenAtMs + FRESH_MS };
    const limiter = new Limiter(this.settings.concurrency);
    await Promise.all(chainsOf(rows).map((chain) => limiter.take(() => this.publishChain(chain, batch))));
    return batch;
  }

  private async publishChain(chain: readonly Row[], batch: Batch<Row>): Promise<void> {
    for (const row of chain) {
      if (batch.ended || this.stop.aborted || this.time.nowMs() > batch.freshUntilMs) return;
      try {
        await this.send(row);
        batch.stored.push(row.id);
      } catch (thrown) {
        const error = asJetplugError(row, thrown);
        const isOver = this.isOver(row, error);
        if (isOver) batch.refused.push({ row, error });
        else batch.failure ??= error;
        // The server is away for the rows of other keys too.
        if (MAY_PASS.has(error.code)) batch.ended = true;
        if (!isOver) return;
      }
    }
  }

  private async send(row: Row): Promise<void> {
    const { id, event, fields, timestamp } = row;
    const eventId = derivedUuid(`outbox\n${this.settings.name}\n${String(id)}`);
    await this.bus.publish(event, fields, { id: eventId, ...(timestamp ? { timestamp } : {}) });
    this.missing.delete(subjectText(row));
  }

  /** Whether the row can never be published. */
  private isOver(row: Row, { code }: JetplugError): boolean {
    if (MAY_PASS.has(code)) return false;
    if (code !== 'JP_PUBLISH_NO_STREAM') return true;
    const nowMs = this.time.nowMs();
    const sinceMs = this.missing.get(subjectText(row)) ?? nowMs;
    this.missing.set(subjectText(row), sinceMs);
    return nowMs - sinceMs >= NO_STREAM_MS;
  }
}

/** The rows by key. A database has null for no key. */
function chainsOf<Row extends OutboxRow>(rows: readonly Row[]): Row[][] {
  const chains = new Map<string | null, Row[]>();
  for (const row of rows) {
    const key = row.key ?? null;
    const chain = chains.get(key);
    if (chain) chain.push(row);
    else chains.set(key, [row]);
  }
  return [...chains.values()];
}

export function subjectText({ event }: { readonly event?: OutboxRow['event'] }): string {
  return String(typeof event === 'string' ? event : event?.subject);
}

/** Other errors come from a contract's schema, or from fields that throw when they are read. */
function asJetplugError(row: OutboxRow, thrown: unknown): JetplugError {
  if (isJetplugError(thrown)) return thrown;
  return new JetplugError('JP_EVENT_INVALID', `${subjectText(row)}: ${showThrown(thrown)}`, {
    cause: plainError(thrown),
  });
}
