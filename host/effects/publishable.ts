import { isEventContract, isPublishSubject, JetplugError, type EventContract } from '../../sdk/internal';
import { then, type MaybePromise } from '../maybe-promise';
import { listIssues } from '../message/validate';
import { plainError } from '../plain-error';
import { showThrown } from '../thrown';

/** @throws JetplugError `JP_SUBJECT_INVALID` */
export function subjectOf(event: EventContract | string): string {
  const subject = typeof event === 'string' ? event : event.subject;
  if (typeof subject === 'string' && isPublishSubject(subject)) return subject;
  throw new JetplugError('JP_SUBJECT_INVALID', `cannot publish on ${JSON.stringify(subject)}`);
}

/**
 * They are published as given, not as the schema leaves them: its transforms are the reader's.
 * @throws JetplugError `JP_EVENT_INVALID`, or rejects with it
 */
export function checkFields(event: EventContract | string, subject: string, fields: unknown): MaybePromise<void> {
  if (typeof fields !== 'object' || fields === null || Array.isArray(fields)) {
    throw new JetplugError('JP_EVENT_INVALID', `${subject}: the fields must be an object`);
  }
  if (!isEventContract(event)) return undefined;
  return then(event.schema['~standard'].validate(fields), ({ issues }) => {
    if (issues) throw new JetplugError('JP_EVENT_INVALID', `${subject}: ${listIssues(issues)}`);
  });
}

/** @throws JetplugError `JP_EVENT_INVALID` */
export function toJson(subject: string, event: object): string {
  try {
    return JSON.stringify(event);
  } catch (cause) {
    throw new JetplugError('JP_EVENT_INVALID', `${subject}: the fields are not JSON: ${showThrown(cause)}`, {
      cause: plainError(cause),
    });
  }
}
