import { nearest } from '../config/suggest';

/** The known subject that an unknown one most likely stands for: a letter off, `_` for `.`, or without its first tokens. */
export function nearestSubject(subject: string, known: readonly string[]): string | undefined {
  const exact = [...new Set(known)].filter((each) => !/[*>]/.test(each) && each !== subject);
  const withoutHead = exact.filter((each) => each.endsWith(`.${subject}`) || subject.endsWith(`.${each}`));
  return withoutHead.length === 1 ? withoutHead[0] : nearest(subject, exact);
}
