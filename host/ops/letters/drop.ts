import type { DeadLetterStream } from '../../nats/dead-letter-stream';
import { eachLetter, type ChangeWave } from './change-letters';

/** Removes letters for good. A letter that is gone counts as removed. */
export function dropWave(stream: Pick<DeadLetterStream, 'remove'>): ChangeWave {
  return eachLetter(async ({ id }) => {
    await stream.remove(id);
    return true;
  });
}
