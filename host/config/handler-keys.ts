import type { Duration, RetryOptions, Start } from '../../sdk/internal';
import type { SchemaMap, WrittenValues } from './key';
import { ms, present } from './units';

/** The keys for handlers: under `plugins.defaults` for all plugins, and under `plugins.<name>` for one. */
export const handlerKeys = {
  from: {
    doc: 'Where a new durable starts: new, beginning, { since: 7d } or { sequence: 1 }.',
    format: 'from',
    default: null as string | { since: string } | { sequence: number } | null,
    nullable: true,
  },
  concurrency: {
    doc: 'How many events, or batches, a handler processes at the same time in one host.',
    format: 'count',
    default: null as number | null,
    nullable: true,
    env: 'JETPLUG_PLUGINS_DEFAULTS_CONCURRENCY',
  },
  timeout: {
    doc: 'How long one run of a handler may take before it counts as failed.',
    format: 'timeout',
    default: null as string | null,
    nullable: true,
    env: 'JETPLUG_PLUGINS_DEFAULTS_TIMEOUT',
  },
  retry: {
    attempts: {
      doc: 'The number of attempts before an event is dead-lettered, the first included.',
      format: 'count',
      default: null as number | null,
      nullable: true,
      env: 'JETPLUG_PLUGINS_DEFAULTS_RETRY_ATTEMPTS',
    },
    backoff: {
      doc: 'The waits before the second attempt, the third and so on; the last one repeats.',
      format: 'backoff',
      default: null as string[] | null,
      nullable: true,
      env: 'JETPLUG_PLUGINS_DEFAULTS_RETRY_BACKOFF',
    },
  },
} as const satisfies SchemaMap;

/** The options of handlers that the config sets. For an absent option, the decorator or the built-in default counts. */
export interface HandlerConfig {
  readonly from?: Start;
  readonly concurrency?: number;
  readonly timeoutMs?: number;
  readonly retry?: RetryOptions<Duration | number>;
}

type Written = WrittenValues<typeof handlerKeys>;

/** The written options of handlers in milliseconds, without those that are not set. */
export function handlerConfig({ from, concurrency, timeout, retry }: Written): HandlerConfig {
  const chosenRetry = present({ attempts: retry.attempts ?? undefined, backoff: retry.backoff?.map(ms) });
  return present({
    from: from === null ? undefined : toFrom(from),
    concurrency: concurrency ?? undefined,
    timeoutMs: timeout === null ? undefined : ms(timeout),
    retry: Object.keys(chosenRetry).length > 0 ? chosenRetry : undefined,
  });
}

function toFrom(from: NonNullable<Written['from']>): Start {
  if (typeof from === 'string') return from === 'beginning' ? 'beginning' : 'new';
  return 'since' in from ? { since: ms(from.since) } : { sequence: from.sequence };
}
