import { JetplugError } from '../../../sdk/internal';
import type { Failures } from './failures';
import type { Delivery } from '../../broker/delivery';
import type { Handler } from '../handler';
import type { Outcome } from '../outcome';

/** From so many deaths on a message is tried alone. */
const DEATHS_OF_A_SUSPECT = 3;
/** So many more when it was alone, and it is dead-lettered. One would do, if hosts were not killed for other reasons too. */
const DEATHS_ALONE = 3;

/**
 * Whether the message came before and not for a failure: its process may have died at it, or it was merely
 * buffered somewhere. Which of the two shows only when it is marked while it runs.
 */
export function isUnexplained({ deliveryCount, past }: Delivery, failures: Failures): boolean {
  // What it had failed before it took the retry road explains no redelivery there.
  const explained = past ? 0 : failures.charged + failures.provisional;
  return deliveryCount - 1 > explained || failures.deaths > 0;
}

/** Whether processes have died at it so often that nothing else of its handler may run beside it. */
export function isSuspect({ deaths }: Failures): boolean {
  return deaths >= DEATHS_OF_A_SUSPECT;
}

/** The outcome of a message that has killed processes while it ran alone. */
export function crashed(handler: Handler, { deaths }: Failures): Outcome | undefined {
  if (deaths < DEATHS_OF_A_SUSPECT + DEATHS_ALONE) return undefined;
  const { plugin, name, where } = handler;
  const message = `the process died ${deaths} times while ${plugin}.${name} was at the event, the last ${DEATHS_ALONE} times alone with it`;
  return { kind: 'crashed', error: new JetplugError('JP_HANDLER_CRASHED', message, { plugin, ...where }) };
}
