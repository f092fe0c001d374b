import type { Unhandled } from '../ops/unhandled';
import { nearestSubject } from '../ops/nearest-subject';
import { paint } from './output';
import { figure } from './figure';

/** The lines about stored events that no handler takes. Subjects that look mistyped come first. */
export function unhandledScreen(
  { subjects, more, notCompared }: Unhandled,
  taken: readonly string[],
  limit = Infinity,
): string[] {
  const found = subjects.map((each) => ({ ...each, meant: nearestSubject(each.subject, taken) }));
  const sorted = [...found.filter(({ meant }) => meant), ...found.filter(({ meant }) => !meant)];
  const lines = sorted.slice(0, limit).map(({ subject, events, meant }) => {
    const what = `${events} ${events === 1 ? 'event' : 'events'} on ${subject}: no handler takes ${events === 1 ? 'it' : 'them'}`;
    return meant ? paint('yellow', `${what}; did you mean ${meant}?`) : paint('dim', what);
  });
  const left = Math.max(0, sorted.length - limit) + more;
  if (left > 0) lines.push(paint('dim', `${left} more subjects that no handler takes: jetplug plugins --unhandled`));
  for (const { stream, subjects: count } of notCompared) {
    lines.push(
      paint('dim', `stream ${stream} has ${figure(count)} subjects, too many to look for those that no handler takes`),
    );
  }
  return lines;
}
