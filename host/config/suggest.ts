import { distance } from 'fastest-levenshtein';
import type { SchemaMap } from './key';
import { leaves, pluginSchema, schema } from './schema';
import { streamSchema } from './stream-keys';

/** The known name that is most similar to a mistyped one. Case, dashes and underscores do not count. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  const ranked = known
    .map((candidate) => ({ candidate, distance: mistakes(plain(name), plain(candidate)) }))
    .sort((a, b) => a.distance - b.distance);
  const [best] = ranked;
  return best && best.distance <= Math.min(3, Math.floor(best.candidate.length / 3)) ? best.candidate : undefined;
}

/** The path of the only key of this name elsewhere in the config; undefined if there is none or more than one. */
export function elsewhere(name: string): string | undefined {
  const [only, ...others] = PATHS.filter((path) => plain(path.slice(path.lastIndexOf('.') + 1)) === plain(name));
  return others.length === 0 ? only : undefined;
}

const under = (above: string, map: SchemaMap): string[] => leaves(map, above).map(([path]) => path);

const PATHS = [
  ...under('', schema),
  ...under('streams[].', streamSchema),
  // The other keys of a plugin's section are found under plugins.defaults.
  ...under('plugins.<name>.', { enabled: pluginSchema.enabled, settings: pluginSchema.settings }),
];

/** The number of typing errors; two swapped letters count as one. */
function mistakes(name: string, candidate: string): number {
  const letters = distance(name, candidate);
  const sorted = (word: string): string => Array.from(word).sort().join('');
  return letters === 2 && sorted(name) === sorted(candidate) ? 1 : letters;
}

function plain(name: string): string {
  return name.toLowerCase().replace(/[-_ ]/g, '');
}
