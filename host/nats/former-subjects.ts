import { covers } from '../../sdk/internal';
import type { DurableSpec, FormerSubject } from '../broker/durable';
import type { ConsumerInfo } from './client';
import type { Connection } from './connection';
import { formerRecord, stampedSubject } from './durable-config';
import { positionOf } from './durable-position';
import { lastSequence } from './streams';

/**
 * Returns the earlier subjects of a handler under which events may still wait. If the handler's subject differs from
 * the one that the durable has from another version, the events that the stream holds under that one are among them.
 */
export async function formerSubjects(
  connection: Connection,
  spec: DurableSpec,
  info: ConsumerInfo,
): Promise<readonly FormerSubject[]> {
  const { metadata } = info.config;
  const record = formerRecord(metadata);
  const before = record?.subject ?? stampedSubject(metadata);
  if (before === undefined || before === spec.subject) return waitingFormer(spec, info);
  if (spec.yieldsToOtherHosts || isDrained(info, Infinity)) return [];
  const last: FormerSubject = { subject: before, until: await lastSequence(connection, spec.stream) };
  const others = (record?.former ?? []).filter(({ subject, until }) => subject !== before && !isDrained(info, until));
  return [...others, last].filter(({ subject }) => !covers(spec.subject, subject));
}

/** Returns the earlier subjects that a durable records for the handler, if events may still wait under them. */
export function waitingFormer({ subject }: Pick<DurableSpec, 'subject'>, info: ConsumerInfo): readonly FormerSubject[] {
  const record = formerRecord(info.config.metadata);
  return record?.subject === subject ? record.former.filter(({ until }) => !isDrained(info, until)) : [];
}

/** Whether no event up to this sequence waits for the durable's handler. */
function isDrained(info: ConsumerInfo, until: number): boolean {
  const { pending, inFlight, ackFloor } = positionOf(info);
  return pending + inFlight === 0 || ackFloor >= until;
}
