import { pauseText } from '../base/pause-text';
import type { WaitsFor } from '../plugin/handler-status';
import { paint } from './output';

interface InState {
  readonly state: string;
  readonly handlers: readonly { readonly waitsFor?: WaitsFor; readonly pausedUntil?: string }[];
}

/** A plugin's state, coloured, with the reason if one of its handlers waits. */
export function stateText({ state, handlers }: InState): string {
  const colour = state === 'running' ? 'green' : state === 'failed' ? 'red' : 'yellow';
  const until = handlers.map(({ pausedUntil }) => pausedUntil).find((one) => one !== undefined);
  if (state === 'paused' && until !== undefined) return paint(colour, `paused ${pauseText(new Date(until))}`);
  const [waiting] = handlers.filter(({ waitsFor }) => waitsFor !== undefined);
  return paint(colour, waiting ? `${state} (${waiting.waitsFor})` : state);
}
