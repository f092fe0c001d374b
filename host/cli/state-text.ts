import type { WaitsFor } from '../plugin/consume';
import { paint } from './output';

interface InState {
  readonly state: string;
  readonly handlers: readonly { readonly waitsFor?: WaitsFor }[];
}

/** A plugin's state, coloured, with what a handler of it waits for. */
export function stateText({ state, handlers }: InState): string {
  const colour = state === 'running' ? 'green' : state === 'failed' ? 'red' : 'yellow';
  const [waiting] = handlers.filter(({ waitsFor }) => waitsFor !== undefined);
  return paint(colour, waiting ? `${state} (${waiting.waitsFor})` : state);
}
