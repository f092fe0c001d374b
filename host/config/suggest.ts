import { distance } from 'fastest-levenshtein';
import { leaves, pluginSchema, schema, streamSchema, type SchemaMap } from './schema';

/** The known name that a mistyped one most likely stands for; `ack_wait` is as good as `ackWait`. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  const ranked = known
    .map((candidate) => ({ candidate, distance: mistakes(plain(name), plain(candidate)) }))
    .sort((a, b) => a.distance - b.distance);
  const [best] = ranked;
  return best && best.distance <= Math.min(3, Math.floor(best.candidate.length / 3)) ? best.candidate : undefined;
}

/** Where else in the config a key of this name stands; undefined where that is nowhere, or open. */
export function elsewhere(name: string): string | undefined {
  const [only, ...others] = PATHS.filter((path) => plain(path.slice(path.lastIndexOf('.') + 1)) === plain(name));
  return others.length === 0 ? only : undefined;
}

const under = (above: string, map: SchemaMap): string[] => leaves(map, above).map(([path]) => path);

const PATHS = [
  ...under('', schema),
  ...under('streams[].', streamSchema),
  // What every plugin's section has too is found under plugins.defaults.
  ...under('plugins.<name>.', { enabled: pluginSchema.enabled, settings: pluginSchema.settings }),
];

/** Two letters that changed places are one mistake. */
function mistakes(name: string, candidate: string): number {
  const letters = distance(name, candidate);
  const sorted = (word: string): string => Array.from(word).sort().join('');
  return letters === 2 && sorted(name) === sorted(candidate) ? 1 : letters;
}

function plain(name: string): string {
  return name.toLowerCase().replace(/[-_ ]/g, '');
}
