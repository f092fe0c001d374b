import { withCauses } from '../../base/causes';
import type { MessageRef } from '../../broker/delivery';
import type { Outage } from './outages';

/** When a handler counts as down rather than its events as bad. */
export interface CircuitPolicy {
  /** The number of distinct messages that must have failed since the last success before the circuit opens. */
  readonly messages: number;
  /** The time that must have passed since the first failure after the last success before the circuit opens. */
  readonly overMs: number;
  /** The waits before the first probe, the second and so on; the last one repeats. */
  readonly probeMs: readonly number[];
}

/** Called when the state of a circuit changes. */
export interface CircuitEvents {
  /** Called when the circuit opens. Failures that were not charged so far do not count. */
  opened(outage: Outage): void;
  /** Called when the handler works again. */
  closed(): void;
  /** Called when the handler has handled a message, so the failures of the others are their own and count. */
  charged(failed: readonly ChargedMessage[]): void;
}

export interface ChargedMessage {
  readonly message: MessageRef;
  readonly failures: number;
}

/** The state that earlier hosts recorded. */
export interface CircuitBefore {
  /** The outage, if the circuit was open. */
  readonly outage?: Outage | undefined;
  /** The messages that failed since the handler's last success. */
  readonly failing: readonly MessageRef[];
}

/**
 * Distinguishes bad messages from an outage. A failure since the handler's last success is provisional. At the next
 * success on another message, the failure is charged to the message that failed. When enough distinct messages have
 * failed, the circuit opens and provisional failures are dropped. Then only probes run, until one succeeds.
 */
export class CircuitBreaker {
  private readonly failing = new Map<string, ChargedMessage & { readonly buried?: true }>();
  /** The messages that opened the circuit or failed while it was open. As probes they would show nothing new. */
  private readonly tried = new Set<string>();
  private firstFailureMs = 0;
  private open: (Outage & { probes: number }) | undefined;

  constructor(
    private readonly policy: CircuitPolicy,
    private readonly events: CircuitEvents,
    before: CircuitBefore = { failing: [] },
    private readonly nowMs: () => number = () => Date.now(),
  ) {
    this.restore(before);
  }

  /** Continues with the state that earlier hosts recorded. */
  restore({ outage, failing }: CircuitBefore): void {
    if (outage) this.open = { ...outage, probes: 0 };
    if (this.open) return;
    for (const message of failing) this.count(message);
  }

  get isOpen(): boolean {
    return this.open !== undefined;
  }

  /** The outage that opened the circuit; undefined while it is closed. */
  get outage(): Outage | undefined {
    return this.open && { since: this.open.since, reason: this.open.reason };
  }

  /** Whether a message failed and none was handled since. */
  get isFailing(): boolean {
    return this.isOpen || this.failing.size > 0;
  }

  /** Whether so many messages fail that a bad message looks like a handler that is down. */
  get isSuspicious(): boolean {
    return this.failing.size >= this.policy.messages;
  }

  /** How long to wait before the next probe. */
  get probeDelayMs(): number {
    const { probeMs } = this.policy;
    return probeMs[Math.min(this.open?.probes ?? 0, probeMs.length - 1)] ?? 0;
  }

  /** Counts a message on which the handler threw or timed out, and opens the circuit if enough have failed. */
  failed(message: MessageRef, error: Error): void {
    if (this.open) return void this.tried.add(nameOf(message));
    this.count(message);
    if (!this.isSuspicious || this.nowMs() - this.firstFailureMs < this.policy.overMs) return;
    const outage = { since: new Date(this.nowMs()), reason: withCauses(error) };
    this.open = { ...outage, probes: 0 };
    for (const name of this.failing.keys()) this.tried.add(name);
    this.failing.clear();
    this.events.opened(outage);
  }

  /** Counts a probe, so that the next one waits longer. */
  probed(): void {
    if (this.open) this.open.probes++;
  }

  /** Whether the message failed in this outage. */
  hasTried(message: MessageRef): boolean {
    return this.tried.has(nameOf(message));
  }

  /** Resets the probe backoff; earlier failures may be probed again. */
  resetProbes(): void {
    this.tried.clear();
    if (this.open) this.open.probes = 0;
  }

  succeeded(message: MessageRef): void {
    // Usually nothing fails.
    if (this.failing.size === 0 && !this.open) return;
    this.failing.delete(nameOf(message));
    const charged = [...this.failing.values()].filter(({ buried }) => !buried);
    if (charged.length > 0) this.events.charged(charged);
    this.failing.clear();
    this.tried.clear();
    if (!this.open) return;
    this.open = undefined;
    this.events.closed();
  }

  /** Keeps a dead-lettered message from being charged. Its failure still counts towards an outage. */
  buried(message: MessageRef): void {
    const failed = this.failing.get(nameOf(message));
    if (failed) this.failing.set(nameOf(message), { ...failed, buried: true });
  }

  private count(message: MessageRef): void {
    if (this.failing.size === 0) this.firstFailureMs = this.nowMs();
    const before = this.failing.get(nameOf(message));
    this.failing.set(nameOf(message), { message, failures: (before?.failures ?? 0) + 1 });
  }
}

/** Names a message with its stream, because a handler takes messages from its event stream and from its retry queue. */
function nameOf({ stream, sequence }: MessageRef): string {
  return `${stream} ${sequence}`;
}
