import type { RetryNotifier } from '../broker/ports';
import type { Subscription } from 'nats';
import type { Logger } from '../../sdk';
import type { Connection } from './connection';
import { deferredSubjects } from './retry-queue';

/**
 * Tells handlers that something has gone onto their retry road: what a stream stores passes by as a plain
 * message too. What passed while the connection was lost is looked for when it is back.
 */
export class NatsRetryNotifier implements RetryNotifier {
  private readonly listeners = new Map<string, () => void>();
  private readonly subscription: Subscription;
  private readonly unwatch: () => void;

  constructor(
    private readonly connection: Connection,
    private readonly log: Logger,
  ) {
    this.unwatch = connection.onReconnect(() => void this.look());
    this.subscription = connection.nc.subscribe('retry.>', {
      callback: (error, { subject }) => {
        // Not permitted: the connection tells of it. A throw here would end all that the client reads.
        if (error) return;
        this.wake(subject);
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
    this.subscription.unsubscribe();
  }

  private async look(): Promise<void> {
    try {
      for (const subject of await deferredSubjects(this.connection)) this.wake(subject);
    } catch (error) {
      this.log.warn('the retry roads cannot be looked at; what came onto them meanwhile waits for the next wake', {
        err: error,
      });
    }
  }

  private wake(subject: string): void {
    const [, plugin, handler] = subject.split('.');
    this.listeners.get(`${plugin}.${handler}`)?.();
  }
}
