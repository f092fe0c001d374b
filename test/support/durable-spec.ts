import type { DurableSpec } from '../../host/broker/durable';

/** The durable of a handler that takes all events one level below `video`, as unit tests use it. */
export const DURABLE: DurableSpec = {
  stream: 'EVENTS',
  durable: 'badge-award',
  subject: 'video.*',
  from: 'beginning',
  ackWaitMs: 30_000,
  maxAckPending: 10,
  owner: { plugin: 'badge', handler: 'award' },
  deployment: 'jetplug',
};
