import { BoundedMap } from '../../base/bounded-map';

/** How many times a busy key must be locked without anybody waiting for it until it is not busy any more. */
const CALM_LOCKS = 64;
const MAX_BUSY = 1_000;

/** The keys that are locked for one run, and those that it waits for. */
export interface OwnLocks {
  readonly locked: Set<string>;
  /** By key, the promise that resolves when the run has it. */
  readonly awaited: Map<string, Promise<void>>;
}

/** A run that locks keys. */
export interface LockOwner {
  /** Only {@link KeyLocks} uses it. Created at the first lock, because most runs lock nothing. */
  locks: OwnLocks | undefined;
  /** Whether the run has ended. It gets no key from then on. */
  readonly isOver: boolean;
}

interface Lock {
  owner: LockOwner;
  /** The owners that wait for the key, in their order. */
  readonly waiting: { readonly owner: LockOwner; readonly resolve: () => void }[];
}

/** Locks of single keys within a host. */
export class KeyLocks {
  private readonly locks = new Map<string, Lock>();
  /** The keys on which runs have conflicted lately, with the number of calm locks that are left. */
  private readonly busy = new BoundedMap<string, number>(MAX_BUSY);

  /** Whether a run should lock the key before it uses it: the key is locked, or runs have conflicted on it lately. */
  isBusy(key: string): boolean {
    return this.locks.has(key) || this.busy.has(key);
  }

  /** Notes that a run must start again because the values of these keys have changed. */
  noteConflict(keys: Iterable<string>): void {
    for (const key of keys) this.busy.set(key, CALM_LOCKS);
  }

  /**
   * Locks the key. Returns a promise if the owner must wait for the key. An owner that would wait for itself, over any
   * number of other owners (a deadlock), does not get the key, and does not wait either. Nor does an owner that has ended.
   */
  lock(owner: LockOwner, key: string): Promise<void> | undefined {
    if (owner.isOver) return undefined;
    const lock = this.locks.get(key);
    if (lock?.owner === owner) return undefined;
    const { locked, awaited } = (owner.locks ??= noLocks());
    if (!lock) {
      this.locks.set(key, { owner, waiting: [] });
      locked.add(key);
      return undefined;
    }
    const before = awaited.get(key);
    if (before || this.isDeadlock(owner, key)) return before;
    const wait = new Promise<void>((resolve) => lock.waiting.push({ owner, resolve }));
    awaited.set(key, wait);
    return wait;
  }

  /** Releases all keys of the owner. */
  release({ locks }: LockOwner): void {
    if (!locks) return;
    for (const key of locks.locked) this.pass(key, this.locks.get(key)!);
    locks.locked.clear();
  }

  private pass(key: string, lock: Lock): void {
    const next = lock.waiting.shift();
    if (!next) {
      this.locks.delete(key);
      this.noteCalm(key);
      return;
    }
    lock.owner = next.owner;
    const { locked, awaited } = next.owner.locks!;
    awaited.delete(key);
    if (next.owner.isOver) this.pass(key, lock);
    else locked.add(key);
    next.resolve();
  }

  private noteCalm(key: string): void {
    const left = this.busy.get(key);
    if (left === undefined) return;
    if (left > 1) this.busy.set(key, left - 1);
    else this.busy.delete(key);
  }

  /** Whether the key is locked or awaited by an owner that waits for this one. */
  private isDeadlock(owner: LockOwner, key: string): boolean {
    if (owner.locks!.locked.size + owner.locks!.awaited.size === 0) return false;
    const keys = new Set([key]);
    // The loop visits the keys that it adds.
    for (const each of keys) {
      const { owner: holder, waiting } = this.locks.get(each)!;
      for (const { locks } of [holder, ...waiting.map((one) => one.owner)]) {
        for (const next of locks!.awaited.keys()) keys.add(next);
      }
      if (holder === owner || waiting.some((one) => one.owner === owner)) return true;
    }
    return false;
  }
}

function noLocks(): OwnLocks {
  return { locked: new Set(), awaited: new Map() };
}
