/**
 * Many seeds of the simulation. `npm run test:chaos -- --full` runs ten times as many, and new ones each time. CI runs the
 * same seeds each time, so that it fails only for what a change has broken.
 */
import { simulate } from '../simulation/simulate';

const IS_FULL = process.env['CHAOS_FULL'] === '1';
const SEEDS = IS_FULL ? 20_000 : 2_000;

test(`the host keeps its promises under the faults of ${SEEDS} seeds`, async () => {
  const first = IS_FULL ? Date.now() % 1_000_000_000 : 1;
  for (let seed = first; seed < first + SEEDS; seed++) {
    const { violations } = await simulate(seed);
    expect({ seed, violations }).toEqual({ seed, violations: [] });
  }
});
