import type { Config } from '../config/config';
import { HostConcurrency } from '../message/intake/host-concurrency';
import { HostMemory } from '../message/intake/host-memory';
import type { IntakeOptions } from '../message/intake/intake';

export type HostLimits = Pick<IntakeOptions, 'calls' | 'memory'>;

/** Creates the limits that all handlers of a host share, as far as the config sets them. */
export function hostLimits({ maxConcurrent, maxBufferedBytes }: Config['delivery']): HostLimits {
  return {
    ...(maxConcurrent !== undefined && { calls: new HostConcurrency(maxConcurrent) }),
    memory: new HostMemory(maxBufferedBytes < 0 ? Infinity : maxBufferedBytes),
  };
}
