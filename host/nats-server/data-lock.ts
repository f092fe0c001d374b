import { randomUUID } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { showThrown } from '../base/thrown';
import { identify, isAlive, processSpace, type ProcessIdentity } from './process-identity';

/*
 * nats-server does not lock its store, and two of them on one folder corrupt it. So the host locks it:
 *
 *   <data>/lock/owner-<nonce>.json     the one file in this folder says who holds the data
 *
 * A host prepares such a folder under another name and renames it to `lock`. The system does that only while
 * `lock` is absent or empty: of many hosts one succeeds, and its record is whole from the first moment.
 * The record of an owner that has died is removed by its own name, which no later owner has: a host that
 * comes to that step late, with an old view, removes nothing of the new owner's. So there are never two.
 */

/** What the lock tells a second host. */
export interface LockRecord {
  readonly owner: ProcessIdentity;
  /** Where the process numbers hold: see `processSpace`. */
  readonly space: string;
  /** The processes that may write to the data: the broker, and the watchdog that starts it. */
  readonly watchdog?: ProcessIdentity | undefined;
  readonly broker?: ProcessIdentity | undefined;
  /** Where the broker answers; absent while it starts or stops. */
  readonly url?: string | undefined;
  /** The name that the broker gives itself in its greeting. */
  readonly name?: string | undefined;
}

export interface Holder {
  /**
   * `live`: the owner runs. `orphaned`: the owner has died, and what it started still runs.
   * `foreign`: written on another machine, in another container or before a reboot; only its heartbeat tells.
   */
  readonly state: 'live' | 'orphaned' | 'foreign';
  readonly record: LockRecord;
  readonly file: string;
}

export interface DataLock {
  /** Adds to the record what a second host needs to know. */
  note(known: Omit<LockRecord, 'owner' | 'space'>): void;
  /** Gives the data free; throws while a broker of this host runs on it. */
  release(): void;
}

const HEARTBEAT_MS = 1_000;
/** A foreign owner whose heartbeat stands still for so long has died. */
const HEARTBEAT_LOST_MS = 5_000;

const RECORD_NAME = /^owner-.*\.json$/;
const CANDIDATE_NAME = /^lock-(\d+)-/;
/** What a rename or removal answers when another host was faster. */
const OUTRUN = new Set(['EEXIST', 'ENOTEMPTY', 'EPERM', 'EACCES', 'ENOENT']);
const MAX_ATTEMPTS = 100;

/** Takes the lock of a data folder, which is made if need be; undefined when somebody holds it. */
export function tryLock(data: string): DataLock | undefined {
  mkdirSync(data, { recursive: true, mode: 0o700 });
  const owner = identify(process.pid) ?? { pid: process.pid, start: '' };
  const record: LockRecord = { owner, space: processSpace() };
  const nonce = randomUUID();
  const candidate = join(data, `lock-${process.pid}-${nonce}`);
  try {
    for (let attempt = 1; ; attempt += 1) {
      if (findHolder(data) !== undefined) return undefined;
      removeTheDead(data);
      try {
        mkdirSync(candidate, { recursive: true, mode: 0o700 });
        writeFileSync(join(candidate, `owner-${nonce}.json`), JSON.stringify(record), { mode: 0o600 });
        renameSync(candidate, lockFolder(data));
        return hold(data, nonce, record);
      } catch (error) {
        if (attempt === MAX_ATTEMPTS || !OUTRUN.has(codeOf(error))) throw error;
      }
    }
  } finally {
    rmSync(candidate, { recursive: true, force: true });
  }
}

/** Who holds the data, or undefined. */
export function findHolder(data: string): Holder | undefined {
  return recordFiles(data)
    .map(readHolder)
    .find((holder) => holder !== undefined);
}

/** The URL of the embedded broker that runs on this data folder, or undefined when its host is not alive. */
export function runningBrokerUrl(data: string): string | undefined {
  const holder = findHolder(data);
  return holder?.state === 'live' ? holder.record.url : undefined;
}

/** Removes the lock of a foreign holder when its heartbeat stands still, and says whether it did. */
export async function removeIfLifeless({ file }: Holder, watchMs = HEARTBEAT_LOST_MS): Promise<boolean> {
  const before = heartbeatOf(file);
  await sleep(watchMs);
  if (heartbeatOf(file) !== before) return false;
  rmSync(file, { force: true });
  return true;
}

function hold(data: string, nonce: string, first: LockRecord): DataLock {
  removeAbandonedCandidates(data);
  const file = join(lockFolder(data), `owner-${nonce}.json`);
  let record = first;
  const heartbeat = setInterval(() => {
    try {
      utimesSync(file, new Date(), new Date());
    } catch (error) {
      clearInterval(heartbeat);
      process.emitWarning(
        `The lock ${file} of this host is gone, so another may start on the same data: ${showThrown(error)}`,
      );
    }
  }, HEARTBEAT_MS).unref();

  return {
    note(known) {
      record = { ...record, ...known };
      if (!existsSync(file)) return; // Somebody removed the data folder; the heartbeat has warned of it.
      const draft = join(data, `lock-${process.pid}-${nonce}.json`);
      try {
        writeFileSync(draft, JSON.stringify(record), { mode: 0o600 });
        renameSync(draft, file);
      } finally {
        rmSync(draft, { force: true }); // It is still there when the disk is full.
      }
    },
    release() {
      if (startedBy(record).some(isAlive)) throw new Error(`the broker of ${data} still runs, so its lock stays`);
      clearInterval(heartbeat);
      rmSync(file, { force: true });
      removeIfEmpty(lockFolder(data));
    },
  };
}

/** The holder that a record names; undefined when it is gone, or has died with all that it started. */
function readHolder(file: string): Holder | undefined {
  let record = readRecord(file);
  if (record === undefined) return undefined;
  if (record.space !== processSpace()) return { state: 'foreign', record, file };
  if (isAlive(record.owner)) return { state: 'live', record, file };
  // It may have noted its broker between our look at the record and its death; from here on the record stands.
  record = readRecord(file);
  if (record === undefined) return undefined;
  return startedBy(record).some(isAlive) ? { state: 'orphaned', record, file } : undefined;
}

/** What a holder started and left behind when it died. */
export function startedBy({ watchdog, broker }: LockRecord): ProcessIdentity[] {
  return [watchdog, broker].filter((one) => one !== undefined);
}

/** Records are written whole; one that cannot be read was cut by a power failure, and its owner died with it. */
function readRecord(file: string): LockRecord | undefined {
  try {
    const record: unknown = JSON.parse(readFileSync(file, 'utf8'));
    return typeof record === 'object' && record !== null && 'owner' in record ? (record as LockRecord) : undefined;
  } catch (error) {
    if (error instanceof SyntaxError || codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Removes what nobody holds from the lock's folder, and the folder when it is empty. */
function removeTheDead(data: string): void {
  const folder = lockFolder(data);
  for (const name of namesIn(folder)) {
    const file = join(folder, name);
    if (!RECORD_NAME.test(name) || readHolder(file) === undefined) rmSync(file, { recursive: true, force: true });
  }
  removeIfEmpty(folder); // Windows renames a folder onto nothing only.
}

/** What hosts that were killed while taking the lock have left. */
function removeAbandonedCandidates(data: string): void {
  for (const name of namesIn(data)) {
    const pid = CANDIDATE_NAME.exec(name)?.[1];
    if (pid === undefined || identify(Number(pid)) !== undefined) continue;
    rmSync(join(data, name), { recursive: true, force: true });
  }
}

function removeIfEmpty(folder: string): void {
  try {
    rmdirSync(folder);
  } catch (error) {
    if (!OUTRUN.has(codeOf(error))) throw error;
  }
}

function recordFiles(data: string): string[] {
  const folder = lockFolder(data);
  return namesIn(folder)
    .filter((name) => RECORD_NAME.test(name))
    .map((name) => join(folder, name));
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  }
}

function heartbeatOf(file: string): number | undefined {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs;
}

function lockFolder(data: string): string {
  return join(data, 'lock');
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? '';
}
