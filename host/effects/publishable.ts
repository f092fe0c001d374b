import { isEventContract, isPublishSubject, JetplugError, type EventContract } from '../../sdk/internal';
import { then, type MaybePromise } from '../base/maybe-promise';
import { listIssues } from '../message/validate';
import { findNotJson, NOT_JSON_HINT } from './json-value';

/**
 * Returns the subject to publish an event on.
 * @throws JetplugError `JP_SUBJECT_INVALID`
 */
export function subjectOf(event: EventContract | string): string {
  const subject = typeof event === 'string' ? event : event.subject;
  if (typeof subject === 'string' && isPublishSubject(subject)) {
    refuseReserved(subject);
    return subject;
  }
  throw new JetplugError(
    'JP_SUBJECT_INVALID',
    `cannot publish on ${JSON.stringify(subject)}: it is not a valid subject`,
  );
}

/**
 * Subjects that a plugin may not publish on. A message there could be a request to the JetStream API that purges a
 * stream, or pass for a dead letter.
 */
const RESERVED = /^(?:\$|_INBOX\.|dead\.|retry\.)/;

/**
 * Refuses a subject that is the server's or the host's own.
 * @throws JetplugError `JP_SUBJECT_INVALID`
 */
export function refuseReserved(subject: string): void {
  if (!RESERVED.test(subject)) return;
  throw new JetplugError('JP_SUBJECT_INVALID', `cannot publish on ${JSON.stringify(subject)}: it is reserved`, {
    hint: 'Use another subject. Those that begin with $ or _INBOX. are the NATS server’s, those with dead. or retry. the host’s.',
  });
}

/**
 * Checks the fields of an event. The fields are published as given, without the schema's transforms, which each reader
 * applies.
 * @throws JetplugError `JP_EVENT_INVALID`, or rejects with it
 */
export function checkFields(event: EventContract | string, subject: string, fields: unknown): MaybePromise<void> {
  if (typeof fields !== 'object' || fields === null || Array.isArray(fields)) {
    throw new JetplugError('JP_EVENT_INVALID', `${subject}: the fields must be an object`);
  }
  if (!isEventContract(event)) return refuseNotJson(subject, fields);
  return then(event.schema['~standard'].validate(fields), ({ issues }) => {
    if (issues) throw new JetplugError('JP_EVENT_INVALID', `${subject}: ${listIssues(issues)}`);
    refuseNotJson(subject, fields);
  });
}

/**
 * Refuses fields that JSON cannot hold.
 * @throws JetplugError `JP_EVENT_INVALID`
 */
export function refuseNotJson(subject: string, fields: unknown): undefined {
  const found = findNotJson(fields);
  if (!found) return undefined;
  const { path, what } = found;
  throw new JetplugError('JP_EVENT_INVALID', `${subject}: ${path === '' ? 'the fields are' : `${path} is`} ${what}`, {
    hint: NOT_JSON_HINT,
  });
}
