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
 * nats-server does not lock its store, and two servers on one folder corrupt it. So the host locks the folder:
 *
 *   <data>/lock/owner-<nonce>.json     the one file in this folder names the owner of the data
 *
 * A host prepares such a folder under another name and renames it to `lock`. The operating system allows that only while
 * `lock` is absent or empty, so only one of several hosts succeeds, and the owner file is complete from the first moment.
 * The file of a dead owner is deleted by its name. No later owner has that name, so a slow host with an outdated view
 * cannot delete the file of a new owner. So there are never two owners.
 */

/** The content of the lock, for other hosts. */
export interface LockRecord {
  readonly owner: ProcessIdentity;
  /** The space in which the process numbers are valid: see `processSpace`. */
  readonly space: string;
  /** The owner's watchdog. Until it and the broker that it starts have ended, they may write to the data. */
  readonly watchdog?: ProcessIdentity | undefined;
  readonly broker?: ProcessIdentity | undefined;
  /** The broker's address; absent while it starts or stops. */
  readonly url?: string | undefined;
  /** The server name in the broker's greeting. */
  readonly name?: string | undefined;
}

export interface Holder {
  /**
   * `live`: the owner runs. `orphaned`: the owner has died, and processes that it started still run. `foreign`: the
   * lock was written on another machine, in another container or before a reboot. Only its heartbeat shows whether the
   * owner is alive.
   */
  readonly state: 'live' | 'orphaned' | 'foreign';
  readonly record: LockRecord;
  readonly file: string;
}

export interface DataLock {
  /** Adds to the content of the lock. */
  note(known: Omit<LockRecord, 'owner' | 'space'>): void;
  /** Removes the lock. Throws while a broker of this host runs on the data. */
  release(): void;
}

const HEARTBEAT_MS = 1_000;
/** The time after which a foreign owner without a heartbeat counts as dead. */
const HEARTBEAT_LOST_MS = 5_000;

const RECORD_NAME = /^owner-.*\.json$/;
const CANDIDATE_NAME = /^lock-(\d+)-/;
/** The error codes of a rename or removal when another host was faster. */
const LOST_RACE = new Set(['EEXIST', 'ENOTEMPTY', 'EPERM', 'EACCES', 'ENOENT']);
const MAX_ATTEMPTS = 100;

/**
 * Takes the lock of a data folder, and creates the folder if it is missing. Returns undefined if another host holds the
 * lock.
 */
export function tryLock(data: string): DataLock | undefined {
  mkdirSync(data, { recursive: true, mode: 0o700 });
  const owner = identify(process.pid) ?? { pid: process.pid, start: '' };
  const record: LockRecord = { owner, space: processSpace() };
  const nonce = randomUUID();
  const candidate = join(data, `lock-${process.pid}-${nonce}`);
  try {
    for (let attempt = 1; ; attempt += 1) {
      if (findHolder(data) !== undefined) return undefined;
      removeDeadRecords(data);
      try {
        mkdirSync(candidate, { recursive: true, mode: 0o700 });
        writeFileSync(join(candidate, `owner-${nonce}.json`), JSON.stringify(record), { mode: 0o600 });
        renameSync(candidate, lockFolder(data));
        return hold(data, nonce, record);
      } catch (error) {
        if (attempt === MAX_ATTEMPTS || !LOST_RACE.has(codeOf(error))) throw error;
      }
    }
  } finally {
    rmSync(candidate, { recursive: true, force: true });
  }
}

/** Returns the holder of the data; undefined if nobody holds the data. */
export function findHolder(data: string): Holder | undefined {
  return recordFiles(data)
    .map(readHolder)
    .find((holder) => holder !== undefined);
}

/** Returns the URL of the embedded broker that runs on this data folder; undefined if its host is not alive. */
export function runningBrokerUrl(data: string): string | undefined {
  const holder = findHolder(data);
  return holder?.state === 'live' ? holder.record.url : undefined;
}

/** Removes the lock of a foreign holder that shows no heartbeat within `watchMs`. Resolves with whether it did. */
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
        `The lock ${file} of this host is gone, so another host may start on the same data: ${showThrown(error)}`,
      );
    }
  }, HEARTBEAT_MS).unref();

  return {
    note(known) {
      record = { ...record, ...known };
      if (!existsSync(file)) return; // The data folder was removed. The heartbeat has warned of that.
      const draft = join(data, `lock-${process.pid}-${nonce}.json`);
      try {
        writeFileSync(draft, JSON.stringify(record), { mode: 0o600 });
        renameSync(draft, file);
      } finally {
        rmSync(draft, { force: true }); // On a full disk the draft was not renamed.
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

/** Reads the holder from an owner file; undefined if the file is gone, or if the owner and its processes are dead. */
function readHolder(file: string): Holder | undefined {
  let record = readRecord(file);
  if (record === undefined) return undefined;
  if (record.space !== processSpace()) return { state: 'foreign', record, file };
  if (isAlive(record.owner)) return { state: 'live', record, file };
  // The owner may have added its broker after the first read and before its death. Now the file cannot change any more.
  record = readRecord(file);
  if (record === undefined) return undefined;
  return startedBy(record).some(isAlive) ? { state: 'orphaned', record, file } : undefined;
}

/** Returns the processes that an owner has started, which may outlive it. */
export function startedBy({ watchdog, broker }: LockRecord): ProcessIdentity[] {
  return [watchdog, broker].filter((one) => one !== undefined);
}

/**
 * Reads an owner file. Owner files are written as a whole. One that cannot be parsed was cut off by a power failure,
 * which its owner did not survive.
 */
function readRecord(file: string): LockRecord | undefined {
  try {
    const record: unknown = JSON.parse(readFileSync(file, 'utf8'));
    return typeof record === 'object' && record !== null && 'owner' in record ? (record as LockRecord) : undefined;
  } catch (error) {
    if (error instanceof SyntaxError || codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Removes the files of dead owners, and the lock's folder when it is empty. */
function removeDeadRecords(data: string): void {
  const folder = lockFolder(data);
  for (const name of namesIn(folder)) {
    const file = join(folder, name);
    if (!RECORD_NAME.test(name) || readHolder(file) === undefined) rmSync(file, { recursive: true, force: true });
  }
  removeIfEmpty(folder); // Windows does not rename a folder onto another one.
}

/** Removes the folders of hosts that were killed while they took the lock. */
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
    if (!LOST_RACE.has(codeOf(error))) throw error;
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
