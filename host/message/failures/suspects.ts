import { JetplugError } from '../../../sdk/internal';
import type { Failures } from './failures';
import type { Delivery } from '../../broker/delivery';
import type { Handler } from '../handler';
import type { Outcome } from '../outcome';

/** After this many deaths a message runs alone. */
const DEATHS_OF_A_SUSPECT = 3;
/**
 * After this many more deaths while a message ran alone, it is dead-lettered. One death is not enough, because hosts
 * are killed for other reasons too.
 */
const DEATHS_ALONE = 3;

/**
 * Whether the message was redelivered without a failure that explains the redelivery. Either a process died while it
 * ran the message, or a host only buffered the message. A mark during the next run shows which of the two.
 */
export function isUnexplained({ deliveryCount, past }: Delivery, failures: Failures): boolean {
  // Failures from before the retry queue explain no redelivery from there.
  const explained = past ? 0 : failures.charged + failures.provisional;
  return deliveryCount - 1 > explained || failures.deaths > 0;
}

/** Whether so many processes died while they ran the message that it must run alone. */
export function isSuspect({ deaths }: Failures): boolean {
  return deaths >= DEATHS_OF_A_SUSPECT;
}

/**
 * Returns the outcome of a message that ran alone and under which processes still died; undefined for any other
 * message.
 */
export function crashed(handler: Handler, { deaths }: Failures): Outcome | undefined {
  if (deaths < DEATHS_OF_A_SUSPECT + DEATHS_ALONE) return undefined;
  const { plugin, name, where } = handler;
  const message = `the process died ${deaths} times while ${plugin}.${name} was at the event, the last ${DEATHS_ALONE} times alone with it`;
  return { kind: 'crashed', error: new JetplugError('JP_HANDLER_CRASHED', message, { plugin, ...where }) };
}
