/** Many seeds of the simulation. `npm run test:chaos -- --full` runs ten times as many. */
import { simulate } from '../simulation/simulate';

const SEEDS = process.env['CHAOS_FULL'] === '1' ? 20_000 : 2_000;

test(`the host keeps its promises under the faults of ${SEEDS} seeds`, async () => {
  const first = Date.now() % 1_000_000_000;
  for (let seed = first; seed < first + SEEDS; seed++) {
    const { violations } = await simulate(seed);
    expect({ seed, violations }).toEqual({ seed, violations: [] });
  }
});
