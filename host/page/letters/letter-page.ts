import type { DeadLetterSummary } from '../../ops/dead-letter-summary';
import type { LetterPage } from '../api';

/**
 * Returns a page of letters, the newest first.
 * @param letters those that the filter chooses, the oldest first
 * @param before the id that the last page has ended with
 */
export function pageOfLetters(
  letters: readonly DeadLetterSummary[],
  before: number | undefined,
  limit: number,
): LetterPage {
  const end = before === undefined ? letters.length : firstFrom(letters, before);
  const from = Math.max(0, end - limit);
  const page = letters.slice(from, end).reverse();
  return { letters: page, total: letters.length, ...(from > 0 && { next: String(page.at(-1)!.id) }) };
}

/** The index of the first letter with at least this id. */
function firstFrom(letters: readonly DeadLetterSummary[], id: number): number {
  let [low, high] = [0, letters.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (letters[middle]!.id < id) low = middle + 1;
    else high = middle;
  }
  return low;
}
