import { JetplugError } from '../../sdk/internal';
import type { OutgoingEvent } from '../broker/ports';
import { API_ERROR, apiErrorCode, isUnanswered } from './failures';
import { AnswerLost } from './requests';

/** One event that is published, over all times that it is sent. */
export class PublishAttempt {
  times = 0;
  firstSentAtMs: number | undefined;

  constructor(
    readonly event: OutgoingEvent,
    readonly startedAtMs: number,
  ) {}

  sent(nowMs: number): void {
    this.times++;
    this.firstSentAtMs ??= nowMs;
  }

  /** A text for error messages which says that the event was not stored, or that it may have been. */
  get notStored(): string {
    const { subject, id } = this.event;
    return this.times === 0
      ? `${subject} was not stored`
      : `${subject} may not be stored (its answer was lost; publish it again under its id ${id})`;
  }

  /** Returns the error `JP_PUBLISH_FAILED` for this event. */
  failure(why: string, cause?: unknown): JetplugError {
    const refused = cause !== undefined && !isAnswerLost(cause);
    const what = refused ? `${this.event.subject} was not stored` : this.notStored;
    return new JetplugError('JP_PUBLISH_FAILED', `${what}: ${why}`, { cause });
  }
}

/** Whether the server may have stored the event although no answer arrived. */
export function isAnswerLost(error: unknown): boolean {
  return error instanceof AnswerLost || isUnanswered(error) || isInProcess(error);
}

/** Whether the replicas of the stream are still storing a message with the event's id. */
export function isInProcess(error: unknown): boolean {
  return apiErrorCode(error) === API_ERROR.duplicateInProcess;
}
