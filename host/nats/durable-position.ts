import type { DurablePosition } from '../broker/durable';
import type { ConsumerInfo } from './client';

/** Returns the position of a durable. */
export function positionOf(info: ConsumerInfo): DurablePosition {
  const { delivered, ack_floor } = info;
  // Before the first delivery nats-server 2.12 reports the start position instead of an ack floor.
  const floor = delivered.consumer_seq === 0 ? delivered.stream_seq : ack_floor.stream_seq;
  const { opt_start_seq: start } = info.config;
  return {
    pending: info.num_pending,
    inFlight: info.num_ack_pending,
    ackFloor: floor,
    delivered: delivered.stream_seq,
    created: info.created,
    ...(start === undefined ? {} : { startSequence: start }),
  };
}
