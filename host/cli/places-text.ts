import type { HandlerStatus } from '../ops/status';

/** Returns the hosts that take a handler's events as text, of so many hosts that run. */
export function placesText(
  handler: Pick<HandlerStatus, 'activeOn' | 'pending' | 'inFlight' | 'waitsFor'>,
  hosts: number,
): string {
  const { activeOn, pending = 0, inFlight = 0, waitsFor } = handler;
  if (!activeOn) return '?';
  if (activeOn.length === hosts) return 'all hosts';
  if (activeOn.length > 0) return activeOn.join(' ');
  return pending > 0 || inFlight > 0 || waitsFor === 'refused' ? 'no host' : 'no host, idle';
}
