import { backlog } from './cases/backlog';
import { drain } from './cases/drain';
import { fanOut } from './cases/fan-out';
import { keyed } from './cases/keyed';
import { latency } from './cases/latency';
import { many } from './cases/many';
import { processes } from './cases/processes';
import { publish } from './cases/publish';
import { recording } from './cases/recording';
import { store, storeAlways } from './cases/store';
import { videoService } from './cases/video-service';
import type { Case } from './core/case';

/** The cases, in the order in which they run. */
export const CASES: readonly Case[] = [
  drain,
  fanOut,
  latency,
  keyed,
  store,
  storeAlways,
  recording,
  publish,
  videoService,
  many,
  backlog,
  processes,
];

/** @throws Error for a name without a case */
export function casesNamed(names: readonly string[]): Case[] {
  const unknown = names.filter((name) => !CASES.some((known) => known.name === name));
  if (unknown.length > 0) {
    const known = CASES.map(({ name }) => name).join(', ');
    throw new Error(`there is no case ${unknown.map((name) => `"${name}"`).join(', ')}; the cases are: ${known}`);
  }
  return CASES.filter(({ name }) => names.includes(name));
}
