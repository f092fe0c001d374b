import type { Case, Figure } from './case';
import type { Ground } from './ground';

/**
 * Measures a case several times. Each round begins with another measurement, so that a background job of the machine
 * does not always meet the same one.
 */
export async function playRounds(ground: Ground, { prepare }: Case, rounds: number): Promise<Figure[][]> {
  const played: Figure[][] = [];
  try {
    const measurements = await prepare(ground);
    for (let round = 0; round < rounds; round++) {
      const figures: (readonly Figure[])[] = [];
      for (const i of measurements.keys()) {
        const at = (i + round) % measurements.length;
        const { label, measure } = measurements[at]!;
        ground.signal.throwIfAborted();
        ground.say(`round ${round + 1} of ${rounds}: ${label}`);
        figures[at] = await measure();
      }
      played.push(figures.flat());
    }
    return played;
  } finally {
    await ground.clearAll();
  }
}
