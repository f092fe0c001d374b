import type { Command } from 'commander';
import { JetplugError } from '../../sdk/internal';
import { nearest } from '../config/suggest';
import { escapeKey, unescapeKey } from '../effects/store-keys';
import { Bucket } from '../nats/bucket';
import type { Connection } from '../nats/connection';
import { streamsHolding } from '../nats/streams';
import { layOut } from '../base/json-text';
import { reachesBroker, withBroker, type CommonFlags } from './common';
import { print, printJsonText, table } from './output';

interface StoreFlags extends CommonFlags {
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
    .description('show the values in a plugin’s store')
    .addHelpText(
      'after',
      `
Examples:
  $ jetplug store badge
  $ jetplug store badge u1
  $ jetplug store recommendation v1 --scope videos --json`,
    )
    .action(store);
}

async function store(plugin: string, key: string | undefined, flags: StoreFlags): Promise<void> {
  const values = await withBroker(flags, async (connection) => {
    // The name of a bucket has no other characters.
    const bucket = /^[\w-]+$/.test(plugin) ? await Bucket.find(connection, `jetplug-${plugin}`) : undefined;
    if (!bucket) throw await noStore(plugin, connection);
    const keys = key === undefined ? await bucket.keys() : [escapeKey(key, flags.scope)];
    const read = await Promise.all(keys.sort().map((escaped) => valueAt(bucket, escaped)));
    return read.filter((value) => value !== undefined);
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

async function valueAt(bucket: Bucket, escaped: string): Promise<StoredValue | undefined> {
  const entry = await bucket.get(escaped);
  return entry?.value === undefined ? undefined : { ...unescapeKey(escaped), text: entry.value };
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

function nameOf({ key, scope }: StoredValue): string {
  return scope === undefined ? key : `${scope}: ${key}`;
}
