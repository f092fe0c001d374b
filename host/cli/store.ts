import type { Command } from 'commander';
import { JetplugError } from '../../sdk/internal';
import { nearest } from '../config/suggest';
import { assertScope, escapeKey, unescapeKey } from '../effects/store-keys';
import { Bucket } from '../nats/bucket';
import { JetStreamLog } from '../nats/commit-log';
import type { Connection } from '../nats/connection';
import { streamsHolding } from '../nats/streams';
import { readCommitted } from '../records/commits/read-committed';
import { layOut } from '../base/json-text';
import { reachesBroker, withBroker, type CommonFlags } from './common';
import { paint, print, printJson, printJsonText, table } from './output';
import { changeStore, readChange, type ChangeFlags, type StoreChange } from './store-change';

interface StoreFlags extends CommonFlags, ChangeFlags {
  scope?: string;
}

interface StoredValue {
  readonly key: string;
  readonly scope?: string;
  /** The stored text. It is JSON, unless another program wrote it. */
  readonly text: string;
}

export function storeCommand(program: Command): void {
  reachesBroker(program.command('store'))
    .argument('<plugin>', 'the plugin’s name')
    .argument('[key]', 'one key; all where none is given')
    .option('--scope <name>', 'a key of this scope')
    .option('--set <json>', 'set the value of the key')
    .option('--delete', 'delete the value of the key')
    .option('--erase', 'delete the value, and the earlier values from the bucket and the commit log')
    .description('show or change the values in a plugin’s store')
    .addHelpText(
      'after',
      `
All values are shown as of one commit, with or without a running host. A change is a commit too.
--erase removes all commits so far from the plugin’s log, because the log cannot remove single values.

Exits with 1 when there is no such store, or a shown key has no value.

Examples:
  $ jetplug store badge
  $ jetplug store badge u1
  $ jetplug store recommendation v1 --scope videos --json
  $ jetplug store badge u1 --set '{"points":5}'
  $ jetplug store badge u1 --delete
  $ jetplug store badge u1 --erase`,
    )
    .action(store);
}

async function store(plugin: string, key: string | undefined, flags: StoreFlags): Promise<void> {
  const change = readChange(flags);
  if (change) return changeValue(plugin, key, change, flags);
  const values = await withBroker(flags, async (connection) => {
    const bucket = await bucketOf(plugin, connection);
    const log = await JetStreamLog.find(connection, plugin);
    const texts = await readCommitted(log, bucket, key === undefined ? undefined : [escapeKey(key, flags.scope)]);
    const keys = [...texts].sort(([a], [b]) => (a < b ? -1 : 1));
    return keys.map(([escaped, text]): StoredValue => ({ ...unescapeKey(escaped), text }));
  });
  if (key !== undefined && values.length === 0) {
    const at = flags.scope === undefined ? '' : ` in scope ${JSON.stringify(flags.scope)}`;
    throw new JetplugError('JP_NOT_FOUND', `the store of ${plugin} has no value for ${JSON.stringify(key)}${at}`, {
      hint: `\`npx jetplug store ${plugin}\` shows all its keys, each with its scope.`,
    });
  }
  const shown =
    flags.scope === undefined || key !== undefined ? values : values.filter(({ scope }) => scope === flags.scope);
  if (flags.json) return printJsonText(`[${shown.map(jsonOf).join()}]`);
  if (shown.length === 0) return print('no values');
  for (const line of table(shown.map((value) => [nameOf(value), shownValue(value)]))) print(line);
}

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
    await changeStore(connection, config, plugin, bucket, { key, scope }, change);
  });
  const where = { key, ...(scope !== undefined && { scope }) };
  if (flags.json) return printJson({ ...where, [change.done]: true });
  print(`${paint('green', '✔')} ${nameOf(where)} ${change.done}`);
}

async function bucketOf(plugin: string, connection: Connection): Promise<Bucket> {
  // The name of a bucket has no other characters.
  const bucket = /^[\w-]+$/.test(plugin) ? await Bucket.find(connection, `jetplug-${plugin}`) : undefined;
  if (!bucket) throw await noStore(plugin, connection);
  return bucket;
}

async function noStore(plugin: string, connection: Connection): Promise<JetplugError> {
  const buckets = await streamsHolding(connection, '$KV.*.>');
  const known = buckets.flatMap((name) => /^KV_jetplug-(.+)$/.exec(name)?.[1] ?? []).sort();
  const meant = nearest(plugin, known);
  const mean = meant === undefined ? '' : `; did you mean ${meant}?`;
  const list = known.length === 0 ? 'no plugin has a store yet' : `the plugins with a store are ${known.join(', ')}`;
  return new JetplugError('JP_NOT_FOUND', `there is no store of a plugin ${JSON.stringify(plugin)}${mean}`, {
    hint: `A plugin has a store once it has asked for one and a host has run it; ${list}.`,
  });
}

/** Copies the stored text, because parsing it could change its numbers. */
function jsonOf({ text, ...where }: StoredValue): string {
  const [name, value] = isJson(text) ? ['value', text] : ['text', JSON.stringify(text)];
  return `${JSON.stringify(where).slice(0, -1)},"${name}":${value}}`;
}

/** The value on one line. */
function shownValue({ text }: StoredValue): string {
  return isJson(text) ? layOut(text) : JSON.stringify(text);
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false; // Another program wrote it; it is shown as text.
  }
}

function nameOf({ key, scope }: Pick<StoredValue, 'key' | 'scope'>): string {
  return scope === undefined ? key : `${scope}: ${key}`;
}
