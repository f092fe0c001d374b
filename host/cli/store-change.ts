import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { isJetplugError, JetplugError } from '../../sdk/internal';
import { findInexactNumber } from '../base/exact-numbers';
import { layOut } from '../base/json-text';
import { machineTime } from '../base/time';
import type { Config } from '../config/config';
import { escapeKey } from '../effects/store-keys';
import { Bucket } from '../nats/bucket';
import { JetStreamLog } from '../nats/commit-log';
import type { Connection } from '../nats/connection';
import { positionsBefore } from '../records/commits/checkpoint';
import { PluginLog } from '../records/commits/plugin-log';

export interface ChangeFlags {
  readonly set?: string;
  readonly delete?: boolean;
  readonly erase?: boolean;
}

/** A change of one key: the new text, or null for a removal. */
export interface StoreChange {
  readonly done: 'set' | 'deleted' | 'erased';
  readonly text: string | null;
}

/** The time that the server and the running hosts have for the change. */
const TIMEOUT_MS = 20_000;
/** The time that running hosts have to read commits before those are removed from the log. */
const ERASE_WAIT_MS = 1_500;

/**
 * Reads the change from the flags; undefined without one.
 * @throws JetplugError `JP_USAGE`, `JP_NUMBER_INEXACT`
 */
export function readChange({ set, delete: isDelete, erase }: ChangeFlags): StoreChange | undefined {
  const given = [set !== undefined && '--set', isDelete && '--delete', erase && '--erase'].filter(Boolean);
  if (given.length > 1) throw new JetplugError('JP_USAGE', `${given.join(' and ')} do not go together`);
  if (set !== undefined) return { done: 'set', text: jsonText(set) };
  if (erase) return { done: 'erased', text: null };
  return isDelete ? { done: 'deleted', text: null } : undefined;
}

/**
 * Commits the change to the plugin's log, and brings the bucket up to date, so that it works without a running host.
 * Running hosts read the commit at once.
 */
export async function changeStore(
  connection: Connection,
  config: Config,
  plugin: string,
  bucket: Bucket,
  at: { readonly key: string; readonly scope?: string | undefined },
  { done, text }: StoreChange,
): Promise<void> {
  const log = await openLog(connection, config, plugin, bucket);
  const key = escapeKey(at.key, at.scope);
  let trouble: unknown;
  let halt = (_error: unknown): void => undefined;
  const opened = new PluginLog({
    host: `cli-${randomUUID()}`,
    log,
    bucket,
    time: machineTime,
    isGuest: true,
    trouble: (_message, error) => {
      trouble = error;
      // No retry of this command makes room.
      if (isJetplugError(error) && error.code === 'JP_STORE_FULL') halt(error);
    },
    lost: (error) => (trouble = error),
    halted: (error) => halt(error),
  });
  const failure = new Promise<never>((_, reject) => (halt = reject));
  const late = setTimeout(() => halt(trouble ?? noAnswer(plugin)), TIMEOUT_MS);
  try {
    await Promise.race([failure, commit(opened, key, text)]);
    if (done === 'erased') await Promise.race([failure, erase(opened, log, bucket, key)]);
  } finally {
    clearTimeout(late);
    await opened.close();
  }
}

async function commit(opened: PluginLog, key: string, text: string | null): Promise<void> {
  await opened.open();
  await opened.transactions.change(key, () => text, { handler: 'cli', timeMs: Date.now() });
  await opened.fillBucket();
}

/**
 * Removes the earlier values of a key. A stream cannot change a message, so all commits up to now are removed from the
 * log. The bucket has their values, but the history of all keys of the plugin ends here.
 */
async function erase(opened: PluginLog, log: JetStreamLog, bucket: Bucket, key: string): Promise<void> {
  await opened.refresh();
  const { position } = opened.folded;
  await opened.fillBucket();
  await sleep(ERASE_WAIT_MS);
  await log.removeUpTo(position);
  // The removal itself stays, so that a host that is late does not put an earlier value back.
  await bucket.purgeEarlier(key);
}

async function openLog(connection: Connection, config: Config, plugin: string, bucket: Bucket): Promise<JetStreamLog> {
  const found = await JetStreamLog.find(connection, plugin);
  if (found) return found;
  // This call refuses a bucket of another program, whose values a commit log must not replace.
  await Bucket.open(connection, `jetplug-${plugin}`, config);
  return JetStreamLog.open(connection, plugin, config, await positionsBefore(bucket));
}

function jsonText(given: string): string {
  const text = given.trim();
  try {
    JSON.parse(text);
  } catch (cause) {
    throw new JetplugError('JP_USAGE', `--set takes JSON: ${(cause as Error).message}`, {
      cause,
      hint: 'Quote it for the shell, and a text once more: --set \'"text"\', --set \'{"points":5}\'.',
    });
  }
  const inexact = findInexactNumber(text);
  if (inexact) {
    const where = inexact.path === '' ? '' : ` at ${inexact.path}`;
    throw new JetplugError('JP_NUMBER_INEXACT', `--set: a plugin cannot read the number ${inexact.literal}${where}`);
  }
  return layOut(text);
}

function noAnswer(plugin: string): JetplugError {
  return new JetplugError('JP_STORE_UNAVAILABLE', `the store of ${plugin} did not answer in ${TIMEOUT_MS / 1_000} s`);
}
