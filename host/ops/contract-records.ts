import { Bucket } from '../nats/bucket';
import type { Connection } from '../nats/connection';
import { RECORDS_BUCKET } from '../nats/wanted-streams';
import { CONTRACTS_KEY, parseContractRecord, type ContractRecord } from '../plugin/contract-record';

/** The contracts of plugins that hosts have published to the server. */
export interface StoredContracts {
  readonly records: readonly ContractRecord[];
  /** The records that cannot be used, in words. */
  readonly warnings: readonly string[];
}

/** Reads the records of all plugins from the hosts' bucket. No host needs to run. */
export async function readContracts(connection: Connection): Promise<StoredContracts> {
  const records: ContractRecord[] = [];
  const warnings: string[] = [];
  for (const { key, text } of await storedRecords(connection)) {
    try {
      records.push(parseContractRecord(text));
    } catch (error) {
      warnings.push(`the record ${key} in the bucket ${RECORDS_BUCKET} is left out: ${(error as Error).message}`);
    }
  }
  return { records, warnings };
}

async function storedRecords(connection: Connection): Promise<{ key: string; text: string }[]> {
  const bucket = await Bucket.find(connection, RECORDS_BUCKET);
  if (!bucket) return [];
  const keys = await bucket.keys(CONTRACTS_KEY);
  const entries = await Promise.all(keys.map(async (key) => ({ key, text: (await bucket.get(key))?.value })));
  return entries.flatMap(({ key, text }) => (text === undefined ? [] : [{ key, text }]));
}
