import {
  durationMs,
  JetplugError,
  type BatchOptions,
  type EventContract,
  type SubscribeOptions,
} from '../../sdk/internal';
import type { BatchPolicy } from '../message/handler';
import { assertKnown, parseCount, refuseBareNumber, type Grouping } from './handler-options';

/**
 * Checks the options `key` and `batch`.
 * @throws JetplugError `JP_HANDLER_OPTIONS`, `JP_DURATION_INVALID`
 */
export function groupingOf({ key, batch }: SubscribeOptions, contract: EventContract | undefined): Grouping {
  if (key !== undefined && batch !== undefined) {
    // Events of one key run one at a time, so a batch of them would wait for itself.
    throw new JetplugError('JP_HANDLER_OPTIONS', '@Subscribe has both key and batch; it takes one of them');
  }
  if (key !== undefined) assertField(key, contract);
  return { key, batch: batch && batchOf(batch) };
}

function batchOf(batch: BatchOptions): BatchPolicy {
  assertKnown(batch, BATCH_OPTIONS, 'batch.');
  refuseBareNumber(batch.wait, 'batch.wait');
  return {
    size: parseCount(batch.size, 'batch.size'),
    waitMs: durationMs(batch.wait ?? '1s', 'batch.wait'),
  };
}

const BATCH_OPTIONS = ['size', 'wait'] satisfies (keyof BatchOptions)[];

function assertField(key: unknown, contract: EventContract | undefined): void {
  if (typeof key !== 'string' || key === '') {
    throw new JetplugError(
      'JP_HANDLER_OPTIONS',
      `key is ${typeof key === 'string' ? '""' : `a ${typeof key}`}; it is the name of a field`,
    );
  }
  const fields = fieldsOf(contract);
  if (fields && !fields.includes(key)) {
    throw new JetplugError('JP_HANDLER_OPTIONS', `key is ${key}; the fields of the event are ${fields.join(', ')}`);
  }
}

/**
 * Returns the fields of an event, if its schema lists them. Those of zod and Valibot do, Standard Schema itself does
 * not.
 */
export function fieldsOf(contract: EventContract | undefined): string[] | undefined {
  const { shape, entries } = (contract?.schema ?? {}) as { shape?: unknown; entries?: unknown };
  const fields = shape ?? entries;
  return typeof fields === 'object' && fields !== null ? Object.keys(fields) : undefined;
}
