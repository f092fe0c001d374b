import { isJetplugError } from '../../sdk/internal';
import type { AuditEntry } from '../records/audit-entry';

/** The part of an entry that tells the change. Payloads and values of a store never belong into it. */
export type Change = Pick<AuditEntry, 'action' | 'target' | 'detail'>;

/** Where entries are stored. */
export interface AuditLog {
  append(entry: AuditEntry): Promise<void>;
}

export interface AuditedBy {
  readonly log: AuditLog;
  readonly by: Pick<AuditEntry, 'who' | 'via' | 'from'>;
  /** Called when the entry of a change that was made cannot be stored. The change is not undone. */
  unstored(error: unknown, entry: AuditEntry): void;
}

/**
 * Makes a change, and records it with its outcome. A failure is recorded and thrown again.
 * @param plan the detail of an entry that is stored before the change, because the change has many steps and may be
 * killed between them. Default: there is no such entry.
 */
export async function audited<T>(
  { log, by, unstored }: AuditedBy,
  change: Change,
  work: () => Promise<T>,
  plan?: Change['detail'],
): Promise<T> {
  const record = async (outcome: Pick<AuditEntry, 'outcome' | 'error' | 'detail'>): Promise<void> => {
    const entry: AuditEntry = { at: new Date().toISOString(), ...by, ...change, ...outcome };
    await log.append(entry).catch((error: unknown) => unstored(error, entry));
  };
  if (plan) await record({ outcome: 'started', detail: plan });
  let result: T;
  try {
    result = await work();
  } catch (error) {
    await record({ outcome: 'failed', error: textOf(error) });
    throw error;
  }
  await record({ outcome: 'done' });
  return result;
}

/** The text of other errors may repeat a payload or a value. */
function textOf(error: unknown): string {
  const [first] = error instanceof AggregateError ? (error.errors as unknown[]) : [error];
  return isJetplugError(first) ? `${first.code}: ${first.message}` : 'an unexpected error';
}
