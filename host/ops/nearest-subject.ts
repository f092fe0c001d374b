import { nearest } from '../config/suggest';

/**
 * Finds the known subject that is most like a mistyped one, where a letter is wrong, `_` stands for `.`, or the first
 * tokens are missing.
 */
export function nearestSubject(subject: string, known: readonly string[]): string | undefined {
  const exact = [...new Set(known)].filter((each) => !/[*>]/.test(each) && each !== subject);
  const withoutHead = exact.filter((each) => each.endsWith(`.${subject}`) || subject.endsWith(`.${each}`));
  return withoutHead.length === 1 ? withoutHead[0] : nearest(subject, exact);
}
