/** A handler whose deliveries take memory of the host. */
export interface MemoryUser {
  /** Called when the host holds too much: the handler takes back its requests for more. */
  full(): void;
  /** Called when the handler may request again. */
  freed(): void;
}

/** The share of the bound below which handlers request again. A smaller gap would end and renew requests too often. */
const RESUME_BELOW = 0.75;

/**
 * The payloads that all handlers hold in this host. Above the bound, a handler requests one event when it holds none, and
 * none otherwise. So each handler continues, and an event that is larger than the bound is handled too.
 */
export class HostMemory {
  private bytes = 0;
  private full = false;
  private readonly users = new Set<MemoryUser>();

  constructor(readonly maxBytes: number) {}

  /** The bytes of the payloads in this host. */
  get usedBytes(): number {
    return this.bytes;
  }

  get isFull(): boolean {
    return this.full;
  }

  /** Returns the function that ends the calls of the user. */
  join(user: MemoryUser): () => void {
    this.users.add(user);
    return () => void this.users.delete(user);
  }

  add(bytes: number): void {
    this.bytes += bytes;
    if (this.full || this.bytes < this.maxBytes) return;
    this.full = true;
    for (const user of this.users) user.full();
  }

  remove(bytes: number): void {
    this.bytes -= bytes;
    if (!this.full || this.bytes >= this.maxBytes * RESUME_BELOW) return;
    this.full = false;
    for (const user of this.users) user.freed();
  }
}
