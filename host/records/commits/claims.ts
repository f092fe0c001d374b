import type { Commit, RunChanges } from './commit';

/**
 * The hosts whose runs may be committed, for the handlers that run on one host at a time. A host claims a handler by a
 * commit. Commits have one order, so a host that was frozen and wakes up finds the claim of another one before it can
 * commit a run: this is the fencing token of the handler, and its epoch is the position of the claim.
 */
export class Claims {
  private readonly owners = new Map<string, string>();
  /** The claims that this host makes with its next commit. */
  private readonly wanted = new Set<string>();
  /** Whether this host may still claim a handler, by its durable. */
  private readonly conditions = new Map<string, () => boolean>();

  /** Called when a claim is to end, so that a commit must be made. */
  freed: () => void = () => undefined;

  /** @param host identifies the commits of this host */
  constructor(private readonly host: string) {}

  /** Starts from the entries of a checkpoint. */
  restore(entries: readonly (readonly [durable: string, host: string])[]): void {
    this.owners.clear();
    for (const [durable, host] of entries) this.owners.set(durable, host);
  }

  get entries(): readonly (readonly [durable: string, host: string])[] {
    return [...this.owners];
  }

  /** Whether this host's runs of the handler may be committed, and a commit says so. */
  has(durable: string): boolean {
    return this.owners.get(durable) === this.host;
  }

  /** Whether another host has claimed the handler of the event, so that no run of this host may be committed. */
  isFenced({ event }: Pick<RunChanges, 'event'>): boolean {
    if (!event || this.owners.size === 0) return false;
    const owner = this.owners.get(event.durable);
    return owner !== undefined && owner !== this.host;
  }

  /**
   * Claims a handler with the next commit of this host.
   * @param mayClaim called before each try to commit. If it returns false, the claim is dropped
   * @returns false if this host has claimed it last
   */
  want(durable: string, mayClaim: () => boolean): boolean {
    if (this.has(durable)) return false;
    this.conditions.set(durable, mayClaim);
    this.wanted.add(durable);
    return true;
  }

  /**
   * Ends the claim of a handler, if a host has claimed it, with the next commit of this host. The handler had a key in an
   * earlier version of the plugin, and has none now.
   */
  free(durable: string): void {
    if (!this.owners.has(durable)) return;
    this.wanted.add(`${FREED}${durable}`);
    this.freed();
  }

  /** Takes out the claims for a commit. */
  take(): readonly string[] {
    if (this.wanted.size === 0) return NO_CLAIMS;
    const taken = [...this.wanted].filter((claim) => this.conditions.get(claim)?.() ?? true);
    this.wanted.clear();
    return taken;
  }

  /** Puts back the claims of a commit that was refused. */
  putBack({ claimed = NO_CLAIMS }: Commit): void {
    for (const durable of claimed) this.wanted.add(durable);
  }

  /**
   * Notes the claims of a commit.
   * @returns the durables of the handlers that another host than this one has claimed
   */
  fold({ host, claimed = NO_CLAIMS }: Commit): readonly string[] {
    for (const claim of claimed) {
      if (claim.startsWith(FREED)) this.owners.delete(claim.slice(FREED.length));
      else this.owners.set(claim, host);
    }
    return host === this.host ? NO_CLAIMS : claimed;
  }
}

/** The prefix of an entry that ends a claim. No name of a durable begins with it. */
const FREED = '!';
const NO_CLAIMS: readonly string[] = [];
