import type { LiveHandler } from '../../host/page/api';

/** Returns the hosts that take a handler's events as text; undefined if they are not known. */
export function placesText(
  handler: Pick<LiveHandler, 'activeOn' | 'pending' | 'inFlight' | 'waitsFor'>,
): string | undefined {
  const { activeOn, pending = 0, inFlight = 0, waitsFor } = handler;
  if (!activeOn) return undefined;
  if (activeOn.length > 0) return activeOn.join(', ');
  return pending > 0 || inFlight > 0 || waitsFor === 'refused' ? 'no host' : 'no host, because it is idle';
}
