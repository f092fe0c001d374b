import type { Command } from 'commander';
import { JetplugError } from '../../sdk/internal';
import { escapeKey } from '../effects/store-keys';
import { KeyChanges } from '../records/history/key-changes';
import { keptHistory } from '../records/history/moment';
import { blameJson } from './blame-json';
import { blameTable } from './blame-table';
import { reachesBroker, withBroker, type CommonFlags } from './common';
import { historyText } from './history-text';
import { logProgress } from './log-progress';
import { bucketOf, logOf, noValue } from '../ops/find-store';
import type { ChangeWriter } from './change-writer';

interface BlameFlags extends CommonFlags {
  readonly scope?: string;
  readonly limit: string;
}

export function blameCommand(program: Command): void {
  reachesBroker(program.command('blame'))
    .argument('<plugin>', 'the plugin’s name')
    .argument('<key>', 'a key of its store')
    .option('--scope <name>', 'a key of this scope')
    .option('--limit <count>', 'show this many values, or all', '20')
    .description('show which event, handler, version and attempt made each value of a key')
    .addHelpText(
      'after',
      `
The newest value comes first. The command reads the plugin’s commit log, with or without a running host, and changes
nothing. Times are those at which the NATS server stored the commit. Commits are kept for store.history; the last line
says where the history begins. A terminal shows the beginning of a long value, and --json all of it.

Exits with 1 when the store has no such key, and its history has none.

Examples:
  $ jetplug blame badge u1
  $ jetplug blame badge u1 --limit all --json
  $ jetplug blame recommendation v1 --scope videos`,
    )
    .action(blame);
}

async function blame(plugin: string, key: string, flags: BlameFlags): Promise<void> {
  const limit = limitOf(flags.limit);
  const { scope } = flags;
  const escaped = escapeKey(key, scope);
  await withBroker(flags, async (connection) => {
    const bucket = await bucketOf(plugin, connection);
    const log = await logOf(plugin, connection);
    const bar = logProgress('reading the commit log');
    const changes = new KeyChanges(log, bucket, escaped, { progress: bar.progress });
    const where = { plugin, key, ...(scope !== undefined && { scope }) };
    const output = flags.json ? blameJson(where) : blameTable(plugin, () => bar.stop());
    try {
      const hasMore = await showChanges(changes, limit, output);
      const rest = hasMore ? undefined : await changes.earlier();
      bar.stop();
      const kept = await keptHistory(log);
      if (output.isEmpty && rest?.before.kind === 'none' && !rest.foreign) {
        throw noValue(plugin, escaped, `, now or earlier; ${historyText(plugin, kept)}`);
      }
      await output.end(rest, kept);
    } finally {
      bar.stop();
    }
  });
}

/** Returns whether there are more changes than the limit. Stops if nobody reads the output any more. */
async function showChanges(changes: KeyChanges, limit: number, output: ChangeWriter): Promise<boolean> {
  let count = 0;
  for await (const change of changes) {
    if (++count > limit || !(await output.show(change))) return true;
  }
  return false;
}

/** @throws JetplugError `JP_USAGE` */
function limitOf(text: string): number {
  if (text === 'all') return Infinity;
  const limit = Number(text);
  if (Number.isSafeInteger(limit) && limit >= 1) return limit;
  throw new JetplugError('JP_USAGE', `--limit takes a number from 1, or all; got ${JSON.stringify(text)}`);
}
