import {
  durationMs,
  JetplugError,
  type BatchOptions,
  type EventContract,
  type From,
  type HandlerMark,
  type RetryOptions,
  type SubscribeOptions,
} from '../../sdk/internal';
import type { HandlerConfig } from '../config/config';
import type { BatchPolicy, RetryPolicy } from '../message/handler';

/** What the config says of a plugin's handlers. */
export interface Layers {
  /** The plugin's own section, which stands before the decorator. */
  readonly section: HandlerConfig;
  /** For all plugins, behind the decorator. */
  readonly defaults: HandlerConfig;
}

/** The options that the config can say too, as they are written there. */
export type RunOption = 'from' | 'concurrency' | 'timeout' | 'retry.attempts' | 'retry.backoff';

/** Who had the word on an option; `built-in` where nobody else said anything. */
export type Layer = keyof Layers | 'decorator' | 'built-in';

export interface RunOptions {
  readonly from: From;
  readonly concurrency: number;
  readonly timeoutMs: number;
  readonly retry: RetryPolicy;
  readonly layerOf: Readonly<Record<RunOption, Layer>>;
}

/** What a handler gets where nobody says otherwise. */
const BUILT_IN = {
  from: 'new',
  concurrency: 8,
  timeoutMs: 30_000,
  retry: { attempts: 5, backoff: [1_000, 5_000, 30_000, 120_000] },
} satisfies HandlerConfig;

/** How a handler runs: for each option the first layer that says something counts. */
export function runOptionsOf({ options, method }: HandlerMark, { section, defaults }: Layers): RunOptions {
  const layers: [Layer, HandlerConfig][] = [
    ['section', section],
    ['decorator', fromDecorator(options)],
    ['defaults', defaults],
    ['built-in', BUILT_IN],
  ];
  const choose = <T>(read: (said: HandlerConfig) => T | undefined): { value: T; layer: Layer } => {
    const [layer, said] = layers.find(([, each]) => (read(each) ?? undefined) !== undefined)!;
    return { value: read(said)!, layer };
  };
  const from = choose((said) => said.from);
  const concurrency = choose((said) => said.concurrency);
  const timeoutMs = choose((said) => said.timeoutMs);
  const attempts = choose((said) => said.retry?.attempts);
  const backoff = choose((said) => said.retry?.backoff);
  assertCount(concurrency.value, `${method}: concurrency`);
  assertCount(attempts.value, `${method}: retry.attempts`);
  assertFrom(from.value, method);
  if (!Array.isArray(backoff.value) || backoff.value.length === 0) {
    throw new JetplugError('JP_HANDLER_OPTIONS', `${method}: retry.backoff is a list of at least one duration`);
  }
  const backoffMs = backoff.value.map((wait, i) => durationMs(wait, `${method}: retry.backoff[${i}]`));
  if (timeoutMs.value === 0) throw new JetplugError('JP_HANDLER_OPTIONS', `${method}: a timeout of 0 lets nothing end`);
  return {
    from: from.value,
    concurrency: concurrency.value,
    timeoutMs: timeoutMs.value,
    retry: { attempts: attempts.value, backoffMs },
    layerOf: {
      from: from.layer,
      concurrency: concurrency.layer,
      timeout: timeoutMs.layer,
      'retry.attempts': attempts.layer,
      'retry.backoff': backoff.layer,
    },
  };
}

/** Whether events come by key, or in batches; both would leave a batch waiting for itself. */
export function groupingOf(
  { key, batch }: SubscribeOptions,
  contract: EventContract | undefined,
): { key: string | undefined; batch: BatchPolicy | undefined } {
  if (key !== undefined && batch !== undefined) {
    throw new JetplugError('JP_HANDLER_OPTIONS', '@Subscribe has both key and batch; it takes one of them');
  }
  if (key !== undefined && (typeof key !== 'string' || key === '')) {
    throw new JetplugError(
      'JP_HANDLER_OPTIONS',
      `key is ${typeof key === 'string' ? '""' : `a ${typeof key}`}; it is the name of a field`,
    );
  }
  const fields = fieldsOf(contract);
  if (key !== undefined && fields && !fields.includes(key)) {
    throw new JetplugError('JP_HANDLER_OPTIONS', `key is ${key}; the fields of the event are ${fields.join(', ')}`);
  }
  if (batch === undefined) return { key, batch };
  assertKnown(batch, BATCH_OPTIONS, 'batch.');
  assertCount(batch.size, 'batch.size');
  return { key, batch: { size: batch.size, waitMs: durationMs(batch.wait ?? '1s', 'batch.wait') } };
}

/** The fields of an event whose schema tells them: Standard Schema itself does not, but zod and Valibot do. */
function fieldsOf(contract: EventContract | undefined): string[] | undefined {
  const { shape, entries } = (contract?.schema ?? {}) as { shape?: unknown; entries?: unknown };
  const fields = shape ?? entries;
  return typeof fields === 'object' && fields !== null ? Object.keys(fields) : undefined;
}

const BATCH_OPTIONS = ['size', 'wait'] satisfies (keyof BatchOptions)[];
const OPTIONS = [
  'from',
  'durable',
  'concurrency',
  'timeout',
  'retry',
  'key',
  'batch',
] satisfies (keyof SubscribeOptions)[];
const RETRY_OPTIONS = ['attempts', 'backoff'] satisfies (keyof RetryOptions)[];

function fromDecorator(options: SubscribeOptions): HandlerConfig {
  assertKnown(options, OPTIONS);
  assertKnown(options.retry ?? {}, RETRY_OPTIONS, 'retry.');
  const { from, concurrency, timeout, retry } = options;
  return {
    ...(from === undefined ? {} : { from }),
    ...(concurrency === undefined ? {} : { concurrency }),
    ...(timeout === undefined ? {} : { timeoutMs: durationMs(timeout, '@Subscribe timeout') }),
    ...(retry === undefined ? {} : { retry }),
  };
}

function assertKnown(options: object, known: readonly string[], prefix = ''): void {
  const unknown = Object.keys(options).find((key) => !known.includes(key));
  if (unknown === undefined) return;
  const message = `@Subscribe has no option ${JSON.stringify(prefix + unknown)}; it has ${known.join(', ')}`;
  throw new JetplugError('JP_HANDLER_OPTIONS', message);
}

function assertFrom(from: From, method: string): void {
  if (from === 'new' || from === 'beginning') return;
  if (typeof from === 'object') {
    if ('since' in from) return void durationMs(from.since, `${method}: from.since`);
    if ('sequence' in from && Number.isInteger(from.sequence) && from.sequence > 0) return;
  }
  throw new JetplugError(
    'JP_HANDLER_OPTIONS',
    `${method}: from is ${JSON.stringify(from)}; it is 'new', 'beginning', { since: '7d' } or { sequence: 1 }`,
  );
}

function assertCount(value: unknown, what: string): void {
  if (Number.isInteger(value) && (value as number) >= 1) return;
  throw new JetplugError('JP_HANDLER_OPTIONS', `${what} is ${JSON.stringify(value)}, not a whole number of at least 1`);
}
