import { droppedSubjects, subjectsOf } from '../nats/stream-changes';
import type { Step } from './change';

/**
 * Orders the steps. A subject leaves a stream before another stream takes it; the buckets exist before the durables,
 * whose positions they hold; and whatever can be lost goes last.
 */
export function inSafeOrder(steps: readonly Step[]): Step[] {
  const freed = new Set(steps.flatMap(({ waitsFor = [] }) => waitsFor));
  return [...steps].sort((a, b) => rankOf(a, freed) - rankOf(b, freed));
}

function rankOf({ change, target }: Step, freed: ReadonlySet<string>): number {
  if (change.change === 'orphan') {
    if (target.kind === 'durable') return freed.has(target.found!.stream_name) ? 0 : 6;
    return freed.has(target.found!.config.name) ? 1 : 7;
  }
  if (target.kind === 'durable') return 5;
  if (change.change === 'update') return dropsSubjects(target) ? 2 : 4;
  return change.change === 'recreate' ? 2 : 3;
}

function dropsSubjects({ found, wanted }: Extract<Step['target'], { kind: 'stream' }>): boolean {
  return droppedSubjects(subjectsOf(found!.config), wanted!.settings.subjects).length > 0;
}
