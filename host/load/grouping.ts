import { durationMs, JetplugError, type BatchOptions, type EventContract, type HandlerMark } from '../../sdk/internal';
import type { BatchPolicy } from '../message/handler';
import { assertKnown, parseCount, refuseBareNumber, type Grouping } from './handler-options';

/**
 * Checks the options `key` and `batch`.
 * @throws JetplugError `JP_HANDLER_OPTIONS`, `JP_DURATION_INVALID`
 */
export function groupingOf({ options, method }: HandlerMark, contract: EventContract | undefined): Grouping {
  const { key, batch } = options;
  if (key !== undefined && batch !== undefined) {
    // Events of one key run one at a time, so a batch of them would wait for itself.
    throw new JetplugError('JP_HANDLER_OPTIONS', '@Subscribe has both key and batch; it takes one of them');
  }
  if (key !== undefined) assertField(key, contract, method);
  return { key, batch: batch && batchOf(batch, method) };
}

function batchOf(batch: BatchOptions, method: string): BatchPolicy {
  assertKnown(batch, BATCH_OPTIONS, 'batch.');
  refuseBareNumber(batch.wait, `${method}: batch.wait`);
  return {
    size: parseCount(batch.size, `${method}: batch.size`),
    waitMs: durationMs(batch.wait ?? '1s', `${method}: batch.wait`),
  };
}

const BATCH_OPTIONS = ['size', 'wait'] satisfies (keyof BatchOptions)[];

function assertField(key: unknown, contract: EventContract | undefined, method: string): void {
  if (typeof key !== 'string' || key === '') {
    throw new JetplugError(
      'JP_HANDLER_OPTIONS',
      `${method}: key is ${typeof key === 'string' ? '""' : `a ${typeof key}`}; it is the name of a field`,
    );
  }
  const fields = fieldsOf(contract);
  if (fields && !fields.includes(key)) {
    const message = `${method}: key is ${key}; the fields of the event are ${fields.join(', ')}`;
    throw new JetplugError('JP_HANDLER_OPTIONS', message);
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
