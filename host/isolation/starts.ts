import { availableParallelism } from 'node:os';

/** More would only hold each other up; some may wait for something else than a processor. */
const AT_A_TIME = 2 * availableParallelism();

let running = 0;
const waiting: (() => void)[] = [];

/** Lets few processes of isolated plugins start at a time in this host; the others wait for their turn. */
export async function inStartTurn<T>(start: () => Promise<T>): Promise<T> {
  if (running >= AT_A_TIME) await new Promise<void>((resolve) => waiting.push(resolve));
  else running++;
  try {
    return await start();
  } finally {
    const next = waiting.shift();
    if (next) next();
    else running--;
  }
}
