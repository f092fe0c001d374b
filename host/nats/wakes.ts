import type { Subscription } from 'nats';
import type { Connection } from './connection';

/** Tells handlers that something has gone onto their retry road: what a stream stores passes by as a plain message too. */
export class Wakes {
  private readonly listeners = new Map<string, () => void>();
  private readonly subscription: Subscription;

  constructor(connection: Connection) {
    this.subscription = connection.nc.subscribe('retry.>', {
      callback: (error, { subject }) => {
        // Not permitted: the connection tells of it. A throw here would end all that the client reads.
        if (error) return;
        const [, plugin, handler] = subject.split('.');
        this.listeners.get(`${plugin}.${handler}`)?.();
      },
    });
  }

  /** Calls back for each event on the handler's road; the result ends that. */
  on(plugin: string, handler: string, listener: () => void): () => void {
    const key = `${plugin}.${handler}`;
    this.listeners.set(key, listener);
    return () => {
      if (this.listeners.get(key) === listener) this.listeners.delete(key);
    };
  }

  stop(): void {
    this.subscription.unsubscribe();
  }
}
