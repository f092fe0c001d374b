import type { Subscription } from './client';
import type { Logger } from '../../sdk';
import { retryUntil } from '../base/retry-until';
import { machineTime, type Time } from '../base/time';
import type { RetryNotifier } from '../broker/ports';
import type { Connection } from './connection';
import { deferredSubjects } from './retry-queue';

const RETRY_MS = 1_000;

/**
 * Notifies handlers of events in their retry queue by a plain subscription, which every message that a stream stores
 * reaches too. After a reconnect the notifier looks up the queued events until the server answers, because messages that
 * were published in the meantime did not reach the subscription.
 */
export class NatsRetryNotifier implements RetryNotifier {
  private readonly listeners = new Map<string, () => void>();
  private subscription: Subscription | undefined;
  private unwatch = (): void => undefined;
  private listing = new AbortController();

  constructor(
    private readonly connection: Connection,
    private readonly log: Logger,
    private readonly time: Time = machineTime,
  ) {}

  start(): void {
    this.unwatch = this.connection.onReconnect(() => void this.notifyAll());
    this.subscription = this.connection.nc.subscribe('retry.>', {
      callback: (error, { subject }) => {
        // The connection reports a missing permission. A throw here would end the client's read loop.
        if (error) return;
        this.notify(subject);
      },
    });
  }

  on(plugin: string, handler: string, listener: () => void): () => void {
    const key = `${plugin}.${handler}`;
    this.listeners.set(key, listener);
    return () => {
      if (this.listeners.get(key) === listener) this.listeners.delete(key);
    };
  }

  stop(): void {
    this.unwatch();
    this.listing.abort();
    this.subscription?.unsubscribe();
  }

  private async notifyAll(): Promise<void> {
    this.listing.abort();
    const { signal } = (this.listing = new AbortController());
    const subjects = await retryUntil(() => deferredSubjects(this.connection), {
      waitMs: RETRY_MS,
      stop: signal,
      time: this.time,
      failed: (error) =>
        this.log.warn('cannot list the retry queues, so events deferred during the outage wait; trying again', {
          err: error,
        }),
    });
    for (const subject of subjects ?? []) this.notify(subject);
  }

  private notify(subject: string): void {
    const [, plugin, handler] = subject.split('.');
    this.listeners.get(`${plugin}.${handler}`)?.();
  }
}
