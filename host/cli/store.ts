import type { Command } from 'commander';
import { JetplugError } from '../../sdk/internal';
import { assertScope, escapeKey } from '../effects/store-keys';
import { JetStreamLog } from '../nats/commit-log';
import { readCommitted } from '../records/commits/read-committed';
import { auditedCommand } from './audited-command';
import { reachesBroker, withBroker, type CommonFlags } from './common';
import { paint, print, printJson, printJsonText, table } from './output';
import { bucketOf, noValue } from '../ops/find-store';
import { changeStore, readChange, type ChangeFlags, type StoreChange } from './store-change';
import { readPast } from './store-past';
import {
  shownName,
  shownText,
  foundValues,
  valueJson,
  withMember,
  type FoundValues,
  type ValueName,
} from './stored-value';

interface StoreFlags extends CommonFlags, ChangeFlags {
  readonly scope?: string;
  readonly at?: string;
}

export function storeCommand(program: Command): void {
  reachesBroker(program.command('store'))
    .argument('<plugin>', 'the plugin’s name')
    .argument('[key]', 'one key; all where none is given')
    .option('--scope <name>', 'a key of this scope')
    .option('--at <moment>', 'show earlier values: an ISO time, how long ago (10m), an event id, or STREAM:SEQUENCE')
    .option('--set <json>', 'set the value of the key')
    .option('--delete', 'delete the value of the key')
    .option('--erase', 'delete the value, and the earlier values from the bucket and the commit log')
    .description('show or change the values in a plugin’s store')
    .addHelpText(
      'after',
      `
All values are shown as of one commit, with or without a running host. A change is a commit too.
--at with an event shows the values just after the commit of its run: all changes of the run, and none of later runs.
With a time, it shows all commits that the NATS server had stored by then. Commits are kept for store.history.
--erase removes all commits so far from the plugin’s log, because the log cannot remove single values.

Exits with 1 when there is no such store, or a shown key has no value.

Examples:
  $ jetplug store badge
  $ jetplug store badge u1
  $ jetplug store recommendation v1 --scope videos --json
  $ jetplug store badge --at 10m
  $ jetplug store badge u1 --at EVENTS:12
  $ jetplug store badge u1 --set '{"points":5}'
  $ jetplug store badge u1 --delete
  $ jetplug store badge u1 --erase`,
    )
    .action(store);
}

async function store(plugin: string, key: string | undefined, flags: StoreFlags): Promise<void> {
  const change = readChange(flags);
  if (change && flags.at !== undefined)
    throw new JetplugError('JP_USAGE', 'an earlier value cannot be changed: give --at alone');
  if (change) return changeValue(plugin, key, change, flags);
  const only = key === undefined ? undefined : escapeKey(key, flags.scope);
  const shown =
    flags.at === undefined
      ? await readPresent(plugin, only, flags)
      : await readPast(plugin, only, { ...flags, at: flags.at });
  printValues(only === undefined ? inScope(shown, flags.scope) : shown, flags);
}

async function readPresent(plugin: string, only: string | undefined, flags: StoreFlags): Promise<FoundValues> {
  const texts = await withBroker(flags, async (connection) => {
    const bucket = await bucketOf(plugin, connection);
    const log = await JetStreamLog.find(connection, plugin);
    return readCommitted(log, bucket, only === undefined ? undefined : [only]);
  });
  if (only !== undefined && texts.size === 0) throw noValue(plugin, only);
  return foundValues(texts);
}

function inScope({ values, unknown }: FoundValues, scope: string | undefined): FoundValues {
  const isIn = (name: ValueName): boolean => scope === undefined || name.scope === scope;
  return { values: values.filter(isIn), unknown: unknown.filter(isIn) };
}

function printValues({ values, unknown }: FoundValues, flags: StoreFlags): void {
  if (flags.json) {
    const all = [...values.map(valueJson), ...unknown.map((name) => withMember(name, '"unknown":true'))];
    return printJsonText(`[${all.join()}]`);
  }
  if (values.length + unknown.length === 0) return print('no values');
  const rows = [
    ...values.map((value) => [shownName(value), shownText(value.text)]),
    ...unknown.map((name) => [shownName(name), paint('yellow', '(not known)')]),
  ];
  for (const line of table(rows)) print(line);
}

const ACTIONS = { set: 'set', deleted: 'delete', erased: 'erase' } as const;

async function changeValue(
  plugin: string,
  key: string | undefined,
  change: StoreChange,
  flags: StoreFlags,
): Promise<void> {
  if (key === undefined) throw new JetplugError('JP_USAGE', 'a change needs the key whose value it changes');
  const { scope } = flags;
  if (scope !== undefined) assertScope(scope);
  await withBroker(flags, async (connection, { config }) => {
    const bucket = await bucketOf(plugin, connection);
    const name = shownName({ key, ...(scope !== undefined && { scope }) });
    const about = { action: `store.${ACTIONS[change.done]}`, target: plugin, detail: { key: name } };
    await auditedCommand(connection, config, about, () =>
      changeStore(connection, config, plugin, bucket, { key, scope }, change),
    );
  });
  const where = { key, ...(scope !== undefined && { scope }) };
  if (flags.json) return printJson({ ...where, [change.done]: true });
  print(`${paint('green', '✔')} ${shownName(where)} ${change.done}`);
}
