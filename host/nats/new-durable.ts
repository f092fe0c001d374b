import type { DurableSpec } from '../broker/durable';
import { durationMs } from '../../sdk/internal';
import { DeliverPolicy, type ConsumerConfig } from './client';
import { fromRecord } from './created-from';
import { filtersFor, newConfig, type ServerConfig } from './durable-config';

/** Returns the body of the API request that creates a durable at the beginning that its handler asks for. */
export function newDurable(spec: DurableSpec, pausedUntil?: string) {
  const { metadata, ...settings } = newConfig(spec);
  const config: ServerConfig = {
    durable_name: spec.durable,
    ...settings,
    metadata: { ...metadata, ...fromRecord(spec.from) },
    ...start(spec),
    ...(pausedUntil !== undefined && { pause_until: pausedUntil }),
  };
  return { stream_name: spec.stream, config, action: 'create' };
}

/**
 * Returns the API request that creates or updates a durable. The server checks that the request's subject ends in the
 * filter, if there is one.
 */
export function createRequest({
  stream,
  durable,
  subject = '>',
}: Pick<DurableSpec, 'stream' | 'durable'> & { subject?: string | undefined }): string {
  return `CONSUMER.CREATE.${stream}.${durable}${subject === '>' || subject === '' ? '' : `.${subject}`}`;
}

/** Returns the API request that creates or updates the durable of a handler. */
export function requestFor(spec: DurableSpec): string {
  const [filter, ...more] = filtersFor(spec);
  return createRequest({ ...spec, subject: more.length === 0 ? filter : undefined });
}

function start({ from, resumeAfter }: DurableSpec): Partial<ConsumerConfig> {
  if (resumeAfter !== undefined) return { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: resumeAfter + 1 };
  if (from === 'new') return { deliver_policy: DeliverPolicy.New };
  if (from === 'beginning') return { deliver_policy: DeliverPolicy.All };
  if ('sequence' in from) return { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: from.sequence };
  const time = new Date(Date.now() - durationMs(from.since, 'from.since'));
  return { deliver_policy: DeliverPolicy.StartTime, opt_start_time: time.toISOString() };
}
