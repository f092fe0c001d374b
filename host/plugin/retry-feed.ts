import { LogThrottle } from '../base/log-throttle';
import { retryUntil } from '../base/retry-until';
import type { Delivery } from '../broker/delivery';
import type { DurableSpec } from '../broker/durable';
import { RetryDelivery } from '../broker/retry-queue';
import type { PartedLog } from '../log/log';
import type { PluginDefinition } from '../load/describe';
import type { KvAttemptLog } from '../message/failures/attempts';
import type { CircuitBreaker } from '../message/failures/circuit-breaker';
import { isOfLaterFormat } from '../records/record-format';
import type { Settlements } from '../records/settlements';
import { retryDurableOf } from './plugin-assets';
import type { PluginHost } from './plugin-host';
import { ensureDurableAt, findFailing, openSettlements } from './reconcile';

const RETRY_MS = 1_000;
/** The delay after which another host may get a deferred event that this host cannot read. */
const UNREADABLE_DELAY_MS = 5_000;
const LOG_AGAIN_MS = 600_000;

/** The parts of a feed of deferred events. */
export interface RetrySource {
  readonly durable: DurableSpec;
  readonly settlements: Settlements;
  accept(delivery: Delivery): Delivery | undefined;
}

export interface RetryFeedOptions {
  readonly plugin: PluginDefinition;
  readonly handler: string;
  /** The durable of the handler's own stream. */
  readonly durable: DurableSpec;
  readonly attempts: KvAttemptLog;
  readonly circuit: Pick<CircuitBreaker, 'restore'>;
  /** Called once, when the durable of the retry queue exists. Makes the feed of the retry queue and starts it. */
  open(source: RetrySource): void;
}

/**
 * Opens the feed of a handler's retry queue: at the start if the queue holds an event of the handler, else when the
 * first one arrives. Most handlers never defer an event, so most need no second durable.
 */
export class RetryFeed {
  private readonly durable: DurableSpec;
  private readonly stopping = new AbortController();
  private readonly unreadable: LogThrottle;
  /** Whether the queue holds, or has held, an event of the handler. */
  private hasEvents = false;
  private isOpen = false;
  private opening: Promise<void> | undefined;
  private unsubscribe: (() => void) | undefined;

  constructor(
    private readonly options: RetryFeedOptions,
    private readonly host: PluginHost,
    private readonly log: PartedLog,
  ) {
    this.durable = retryDurableOf(options.durable);
    this.unreadable = new LogThrottle(LOG_AGAIN_MS, () => host.time.nowMs());
  }

  start(): void {
    const { plugin, handler } = this.options;
    this.unsubscribe = this.host.retryNotifier.on(plugin.name, handler, () => {
      this.hasEvents = true;
      this.ensureOpen();
    });
    this.ensureOpen();
  }

  /** Resolves when no feed will be opened any more. */
  async stop(): Promise<void> {
    this.stopping.abort();
    this.unsubscribe?.();
    await this.opening;
  }

  private ensureOpen(): void {
    if (this.stopping.signal.aborted || this.isOpen) return;
    this.opening ??= this.open();
  }

  private async open(): Promise<void> {
    await retryUntil(() => this.tryToOpen(), {
      waitMs: RETRY_MS,
      stop: this.stopping.signal,
      time: this.host.time,
      failed: (error) => {
        const { handler } = this.options;
        this.log.warn('the retry queue could not be opened; trying again', { handler, err: error });
      },
    });
    this.opening = undefined;
    // An event arrived between the check and here.
    if (this.hasEvents) this.ensureOpen();
  }

  private async tryToOpen(): Promise<void> {
    const { durable, host } = this;
    // An event that arrives during the check counts too.
    if (!this.hasEvents && (await host.broker.hasDeferred(durable))) this.hasEvents = true;
    if (!this.hasEvents) return;
    const { plugin, attempts, circuit, open } = this.options;
    const settlements = await openSettlements(durable, host);
    await ensureDurableAt(durable, settlements, host);
    circuit.restore({ failing: await findFailing(attempts, settlements, plugin.name, durable, host) });
    this.isOpen = true;
    open({ durable, settlements, accept: (delivery) => this.accept(delivery) });
  }

  /** Returns the deferred event if it is due. Otherwise nacks it with the delay until it is due. */
  private accept(delivery: Delivery): Delivery | undefined {
    const event = this.read(delivery);
    if (!event) return undefined;
    const earlyMs = event.dueAtMs - this.host.time.epochMs();
    if (earlyMs <= 0) return event;
    delivery.nak(earlyMs);
    return undefined;
  }

  /**
   * Reads a deferred event. Leaves one that a later version of Jetplug has deferred to other hosts. Ends the delivery of a
   * message that no host has deferred: another program has published it to the retry queue.
   */
  private read(delivery: Delivery): RetryDelivery | undefined {
    try {
      return new RetryDelivery(delivery);
    } catch (error) {
      const { subject, sequence } = delivery;
      if (isOfLaterFormat(error)) {
        if (this.unreadable.note(this.durable.durable) !== undefined)
          this.log.warn('deferred events are left to hosts of a later version', { subject, sequence, err: error });
        delivery.nak(UNREADABLE_DELAY_MS);
        return undefined;
      }
      this.log.error('skipped a message in the retry queue that no host has deferred', {
        subject,
        sequence,
        err: error,
      });
      delivery.term('no event of a host');
      return undefined;
    }
  }
}
