import { JetplugError } from '../../sdk/internal';
import { nearest } from '../config/suggest';
import { unescapeKey } from '../effects/store-keys';
import { Bucket } from '../nats/bucket';
import { JetStreamLog } from '../nats/commit-log';
import type { Connection } from '../nats/connection';
import { streamsHolding } from '../nats/streams';

/**
 * Finds the bucket of a plugin's store.
 * @throws JetplugError `JP_NOT_FOUND`
 */
export async function bucketOf(plugin: string, connection: Connection): Promise<Bucket> {
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

/**
 * Finds the commit log of a plugin that has a store.
 * @throws JetplugError `JP_HISTORY_ENDED`
 */
export async function logOf(plugin: string, connection: Connection): Promise<JetStreamLog> {
  const log = await JetStreamLog.find(connection, plugin);
  if (log) return log;
  throw new JetplugError('JP_HISTORY_ENDED', `the store of ${plugin} has no commit log, so it has no history`, {
    hint: 'A host creates the log when it runs the plugin. It has the changes from then on.',
  });
}

/**
 * Returns the error for a key without a value.
 * @param when the moment, if it is not the present
 */
export function noValue(plugin: string, escaped: string, when = ''): JetplugError {
  const { key, scope } = unescapeKey(escaped);
  const at = scope === undefined ? '' : ` in scope ${JSON.stringify(scope)}`;
  const has = when === '' ? 'has' : 'had';
  return new JetplugError(
    'JP_NOT_FOUND',
    `the store of ${plugin} ${has} no value for ${JSON.stringify(key)}${at}${when}`,
    {
      hint: `\`npx jetplug store ${plugin}\` shows all its keys, each with its scope.`,
    },
  );
}
