import type { MessageRef } from './delivery';

/** When a handler counts as down rather than its events as bad. */
export interface CircuitPolicy {
  /** So many distinct messages must have failed since its last success … */
  readonly messages: number;
  /** … over at least this time. */
  readonly overMs: number;
  /** The waits before the first probe, the second and so on; the last one repeats. */
  readonly probeMs: readonly number[];
}

/** What a circuit tells when it changes. */
export interface CircuitEvents {
  /** Everything fails: these messages' failures are nobody's fault and are not to count. */
  opened(discharged: readonly MessageRef[]): void;
  /** The handler works again. */
  closed(): void;
  /** The handler works, so that these messages' failures are their own and are to count. */
  charged(failed: readonly ChargedMessage[]): void;
}

export interface ChargedMessage {
  readonly message: MessageRef;
  readonly failures: number;
}

/**
 * Tells poison from an outage. A failure since the handler's last success is provisional: at the next
 * success on another message it is charged to its message; when enough distinct messages have
 * failed, the circuit opens and it is forgotten. Then only probes run, until one succeeds.
 */
export class Circuit {
  private readonly failing = new Map<number, { message: MessageRef; failures: number }>();
  private firstFailureMs = 0;
  private open: { readonly sinceMs: number; readonly error: Error; probes: number } | undefined;

  constructor(
    private readonly policy: CircuitPolicy,
    private readonly events: CircuitEvents,
    private readonly nowMs: () => number = () => Date.now(),
  ) {}

  get isOpen(): boolean {
    return this.open !== undefined;
  }

  /** Since when it is open and why; nothing while it is closed. */
  get outage(): { readonly since: Date; readonly reason: string } | undefined {
    return this.open && { since: new Date(this.open.sinceMs), reason: this.open.error.message };
  }

  /** Whether so many messages fail that a bad one cannot be told from a handler that is down. */
  get isSuspicious(): boolean {
    return this.failing.size >= this.policy.messages;
  }

  /** How long to wait before the next probe. */
  get probeDelayMs(): number {
    const { probeMs } = this.policy;
    return probeMs[Math.min(this.open?.probes ?? 0, probeMs.length - 1)] ?? 0;
  }

  /** A handler threw or timed out. */
  failed(message: MessageRef, error: Error): void {
    if (this.open) return;
    if (this.failing.size === 0) this.firstFailureMs = this.nowMs();
    const before = this.failing.get(message.sequence);
    this.failing.set(message.sequence, { message, failures: (before?.failures ?? 0) + 1 });
    if (!this.isSuspicious || this.nowMs() - this.firstFailureMs < this.policy.overMs) return;
    this.open = { sinceMs: this.nowMs(), error, probes: 0 };
    this.events.opened([...this.failing.values()].map((failed) => failed.message));
    this.failing.clear();
  }

  /** A probe is made; the next one waits longer. */
  probed(): void {
    if (this.open) this.open.probes++;
  }

  succeeded(message: MessageRef): void {
    this.failing.delete(message.sequence);
    if (this.failing.size > 0) this.events.charged([...this.failing.values()]);
    this.failing.clear();
    if (!this.open) return;
    this.open = undefined;
    this.events.closed();
  }

  /** A message is dead-lettered: it says no more of the handler. */
  buried(message: MessageRef): void {
    this.failing.delete(message.sequence);
  }
}
