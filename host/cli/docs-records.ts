import type { JetplugError } from '../../sdk/internal';
import type { Config } from '../config/config';
import { discover } from '../load/discover';
import { readContracts, type StoredContracts } from '../ops/contract-records';
import { checkConfigOf, checkPlugins } from './check-plugins';
import { configFor, withBroker, type CommonFlags } from './common';

/** The contracts that `jetplug docs` describes. */
export interface Found extends StoredContracts {
  /** The title of the document. */
  readonly title: string;
  /** The reasons why files of plugins cannot be read. */
  readonly problems: readonly JetplugError[];
}

/** Reads the records that hosts have published to the server. */
export function readServer(flags: CommonFlags): Promise<Found> {
  return withBroker(flags, async (connection, { config }) => {
    return { title: titleOf(config), ...(await readContracts(connection)), problems: [] };
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

function titleOf({ deploy }: Config): string {
  return `Events of ${deploy.name}`;
}
