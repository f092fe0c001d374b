import type { Outbox } from 'jetplug/client';

export interface Order {
  readonly order_id: string;
  readonly customer: string;
  readonly cents: number;
}

/** The database of the order service. */
export interface Orders {
  /** Writes the order and its outbox row in one transaction. */
  place(order: Order): Promise<void>;
  readonly outbox: Outbox;
  close(): Promise<void>;
}
