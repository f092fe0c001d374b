import { JetplugError } from '../../../sdk/internal';
import type { DeadLetterSummary } from '../dead-letter-summary';
import { parseTime } from '../parse-time';

/** Chooses dead letters. A letter is chosen if it fits every member that is given. */
export interface LetterFilter {
  /** The fingerprint. */
  readonly group?: string | undefined;
  readonly plugin?: string | undefined;
  readonly handler?: string | undefined;
  readonly reason?: string | undefined;
  /** A text within the error or the subject; the case does not matter. */
  readonly q?: string | undefined;
  /** An ISO time, or how long ago, such as `2h`. */
  readonly since?: string | undefined;
  readonly before?: string | undefined;
}

/**
 * Returns a test whether a letter fits the filter.
 * @throws JetplugError `JP_USAGE` for an invalid time
 */
export function letterTest(filter: LetterFilter): (letter: DeadLetterSummary) => boolean {
  const { group, plugin, handler, reason } = filter;
  const since = filter.since === undefined ? undefined : parseTime(filter.since);
  const before = filter.before === undefined ? undefined : parseTime(filter.before);
  const has = textTest(filter.q);
  return (letter) =>
    (plugin ?? letter.plugin) === letter.plugin &&
    (handler ?? letter.handler) === letter.handler &&
    (reason ?? letter.reason) === letter.reason &&
    (group ?? letter.fingerprint) === letter.fingerprint &&
    (since === undefined || Date.parse(letter.time) >= since) &&
    (before === undefined || Date.parse(letter.time) < before) &&
    (has === undefined || has(letter.error) || has(letter.subject));
}

/** Remembers the result for each text, because many letters share their texts. */
function textTest(q = ''): ((text: string) => boolean) | undefined {
  if (q === '') return undefined;
  const wanted = q.toLowerCase();
  const known = new Map<string, boolean>();
  return (text) => {
    const result = known.get(text) ?? text.toLowerCase().includes(wanted);
    known.set(text, result);
    return result;
  };
}

/** Returns the error for an id without a letter. */
export function noLetter(id: number): JetplugError {
  return new JetplugError('JP_NOT_FOUND', `there is no dead letter ${id}`, {
    hint: 'It may have been redriven or dropped. `npx jetplug dead list` shows those that are there.',
  });
}
