import { availableParallelism } from 'node:os';
import { Turns } from '../turns';

/**
 * Processes of isolated plugins start by turns in this host: more would only hold each other up; some may wait for
 * something else than a processor.
 */
export const startTurns = new Turns(2 * availableParallelism());
