import type { JetplugError } from '../../sdk/internal';
import type { Config } from '../config/config';
import { discover } from '../load/discover';
import { Bucket } from '../nats/bucket';
import type { Connection } from '../nats/connection';
import { RECORDS_BUCKET } from '../nats/wanted-streams';
import { CONTRACTS_KEY, parseContractRecord, type ContractRecord } from '../plugin/contract-record';
import { checkConfigOf, checkPlugins } from './check-plugins';
import { configFor, withBroker, type CommonFlags } from './common';

/** The contracts that `jetplug docs` describes. */
export interface Found {
  /** The title of the document. */
  readonly title: string;
  readonly records: readonly ContractRecord[];
  /** The records that cannot be used, in words. */
  readonly warnings: readonly string[];
  /** The reasons why files of plugins cannot be read. */
  readonly problems: readonly JetplugError[];
}

/** Reads the records that hosts have published to the server. */
export function readServer(flags: CommonFlags): Promise<Found> {
  return withBroker(flags, async (connection, { config }) => {
    const records: ContractRecord[] = [];
    const warnings: string[] = [];
    for (const { key, text } of await storedRecords(connection)) {
      try {
        records.push(parseContractRecord(text));
      } catch (error) {
        warnings.push(`the record ${key} in the bucket ${RECORDS_BUCKET} is left out: ${(error as Error).message}`);
      }
    }
    return { title: titleOf(config), records, warnings, problems: [] };
  });
}

/** Loads the files of plugins in a process of their own, without a network, and describes them by the config. */
export async function readFiles(flags: CommonFlags): Promise<Found> {
  const { config } = configFor(flags);
  const files = discover(config.plugins.dirs).found.map(({ file }) => file);
  const checked = await checkPlugins({ files, config: checkConfigOf(config), until: 'described' });
  return {
    title: titleOf(config),
    records: checked.flatMap(({ contracts }) => contracts ?? []),
    warnings: [],
    problems: checked.flatMap(({ problems }) => problems),
  };
}

async function storedRecords(connection: Connection): Promise<{ key: string; text: string }[]> {
  const bucket = await Bucket.find(connection, RECORDS_BUCKET);
  if (!bucket) return [];
  const keys = await bucket.keys(CONTRACTS_KEY);
  const entries = await Promise.all(keys.map(async (key) => ({ key, text: (await bucket.get(key))?.value })));
  return entries.flatMap(({ key, text }) => (text === undefined ? [] : [{ key, text }]));
}

function titleOf({ deploy }: Config): string {
  return `Events of ${deploy.name}`;
}
