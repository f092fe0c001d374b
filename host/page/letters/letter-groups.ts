import type { DeadLetterSummary } from '../../ops/dead-letter-summary';
import type { LetterGroup } from '../api';

const PARTS = 24;

interface Group {
  readonly first: DeadLetterSummary;
  last: DeadLetterSummary;
  count: number;
  readonly counts: number[];
}

/** Groups letters by handler and fault, the largest group first. */
export function groupLetters(letters: readonly DeadLetterSummary[], nowMs: number): LetterGroup[] {
  const groups = new Map<string, Group>();
  const fromMs = Date.parse(letters[0]?.time ?? '');
  const partMs = Math.max(1, (nowMs - fromMs) / PARTS);
  for (const letter of letters) {
    const key = `${letter.fingerprint} ${letter.plugin}.${letter.handler}`;
    let group = groups.get(key);
    if (!group) {
      group = { first: letter, last: letter, count: 0, counts: new Array<number>(PARTS).fill(0) };
      groups.set(key, group);
    }
    group.last = letter;
    group.count++;
    const part = Math.floor((Date.parse(letter.time) - fromMs) / partMs);
    group.counts[Math.min(PARTS - 1, Math.max(0, part || 0))]!++;
  }
  return [...groups.values()].sort((a, b) => b.count - a.count).map(viewOf);
}

function viewOf({ first, last, count, counts }: Group): LetterGroup {
  const { fingerprint, plugin, handler, reason, error, subject } = last;
  return {
    fingerprint,
    plugin,
    handler,
    reason,
    error,
    subject,
    count,
    counts,
    firstAt: first.time,
    lastAt: last.time,
  };
}
