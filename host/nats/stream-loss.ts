import type { Logger } from '../../sdk';
import type { KeptStream } from './kept-stream';
import type { StreamDeletion } from './stream-deletion';

/** For so long a host that waits for a newer config leaves it to others to create a stream that is missing. */
const LEAVES_MS = 10_000;

/** The conditions that the keeper reads before it changes or creates a stream. */
export interface KeeperPolicy {
  /** Resolves with whether the host may put back settings that somebody has changed. */
  repairs(): Promise<boolean>;
  /** Resolves with whether the host waits for a newer config. It is read when the method is called. */
  waits(): Promise<boolean>;
  /** Resolves with how `jetplug apply` has deleted the stream that was created then; undefined if it has not. */
  deletionOf(stream: string, created: string): Promise<StreamDeletion | undefined>;
}

/** The policy of a host that is alone. */
export const ALONE: KeeperPolicy = {
  repairs: () => Promise.resolve(true),
  waits: () => Promise.resolve(false),
  deletionOf: () => Promise.resolve(undefined),
};

/** Notes that a stream is gone or was replaced, and logs it: as a loss, unless `jetplug apply` has deleted the stream. */
export async function noteLoss(entry: KeptStream, policy: KeeperPolicy, log: Logger): Promise<void> {
  const { name, users, messages, lastSequence, notedAtMs } = entry;
  entry.missing = true;
  entry.missingSinceMs = performance.now();
  for (const user of users) user.lost?.();
  const [first] = users;
  const about = { stream: name, messages, lastSequence, asOf: new Date(notedAtMs).toISOString() };
  entry.deletion = await deletionOf(entry, policy, log);
  if (entry.deletion) {
    const { again, by, at } = entry.deletion;
    const next = again ? 'which creates it again' : 'because its config does not name it';
    log.info(`stream deleted by \`jetplug apply\`, ${next}`, { ...about, by, at });
    return;
  }
  const next = first?.managed === false ? 'waiting for its owner to create it' : 'creating it again';
  log.error(`stream lost with its messages; ${next}`, { lost: first?.contents, ...about });
}

async function deletionOf(
  { name, created }: KeptStream,
  policy: KeeperPolicy,
  log: Logger,
): Promise<StreamDeletion | undefined> {
  try {
    return await policy.deletionOf(name, created);
  } catch (error) {
    // A server that has lost its data has lost this record too.
    log.debug('cannot read whether a stream was deleted by `jetplug apply`', { stream: name, err: error });
    return undefined;
  }
}

/**
 * Whether this host creates a stream that is missing, or brings one to its config that took its place. While it waits for
 * a newer config, `jetplug apply` or another host creates the stream, with the newer settings; and nobody does if the
 * newer config does not name it.
 */
export async function mayCreate(
  { deletion, missingSinceMs }: KeptStream,
  exists: boolean,
  policy: KeeperPolicy,
): Promise<boolean> {
  // A host that waits changes no settings of a stream that exists, so it has to know first whether it waits.
  if (!(await policy.waits()) || exists) return true;
  if (deletion && !deletion.again) return false;
  return performance.now() - missingSinceMs >= LEAVES_MS;
}
