import { overlap } from '../config/overlap';
import { JetplugError } from '../../sdk/internal';
import { droppedSubjects, subjectsOf } from '../nats/stream-changes';
import type { Step } from './change';

/** The rank of the steps that may free subjects of a stream. */
const FREES = 2;

/**
 * Orders the steps. A subject leaves a stream before another stream takes it; the buckets exist before the durables,
 * whose positions they hold; and whatever can be lost goes last.
 */
export function inSafeOrder(steps: readonly Step[]): Step[] {
  const { ordered, circular } = byFreedSubjects(steps);
  const freed = freedOrphans(steps);
  // Steps that are refused have any order.
  const freeing = [...ordered, ...circular];
  const others = steps.filter((step) => !freeing.includes(step));
  return [...freeing, ...others].sort((a, b) => rankOf(a, freed) - rankOf(b, freed));
}

/** Returns the steps of streams that take subjects from each other, so that none of them can be the first. */
export function circularSteps(steps: readonly Step[]): readonly Step[] {
  return byFreedSubjects(steps).circular;
}

/** Returns the error for steps of {@link circularSteps}. */
export function circularError(steps: readonly Step[]): JetplugError {
  const names = steps.map(({ change }) => change.name);
  const message = `the streams ${names.join(', ')} take subjects from each other, and the server lets no two streams hold one subject`;
  return new JetplugError('JP_STREAM_OVERLAP', message, {
    hint:
      `Apply it in two steps: first a config in which stream ${names[0]} has only a subject that nobody publishes to, ` +
      'and the others have their new subjects; then this config. Events on a subject that no stream holds are not stored.',
  });
}

/** Orders the steps that free subjects: one that takes a subject comes behind the one that frees it. */
function byFreedSubjects(steps: readonly Step[]): { readonly ordered: readonly Step[]; readonly circular: Step[] } {
  const freed = freedOrphans(steps);
  const ordered: Step[] = [];
  let left = steps.filter((step) => rankOf(step, freed) === FREES);
  while (left.length > 0) {
    const next = left.filter((step) => !left.some((other) => other !== step && holdsSubjectOf(other, step)));
    if (next.length === 0) break;
    ordered.push(...next);
    left = left.filter((step) => !next.includes(step));
  }
  return { ordered, circular: left };
}

/** Whether the stream of a step now holds a subject that another step takes. */
function holdsSubjectOf({ target: holder }: Step, { target: taker }: Step): boolean {
  if (holder.kind !== 'stream' || taker.kind !== 'stream') return false;
  const held = subjectsOf(holder.found!.config);
  return held.some((theirs) => taker.wanted!.settings.subjects.some((own) => overlap(own, theirs)));
}

function freedOrphans(steps: readonly Step[]): ReadonlySet<string> {
  return new Set(steps.flatMap(({ waitsFor = [] }) => waitsFor));
}

function rankOf({ change, target }: Step, freed: ReadonlySet<string>): number {
  if (change.change === 'orphan') {
    if (target.kind === 'durable') return freed.has(target.found!.stream_name) ? 0 : 6;
    return freed.has(target.found!.config.name) ? 1 : 7;
  }
  if (target.kind === 'durable') return 5;
  if (change.change === 'update') return dropsSubjects(target) ? FREES : 4;
  return change.change === 'recreate' ? FREES : 3;
}

function dropsSubjects({ found, wanted }: Extract<Step['target'], { kind: 'stream' }>): boolean {
  return droppedSubjects(subjectsOf(found!.config), wanted!.settings.subjects).length > 0;
}
