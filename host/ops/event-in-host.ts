import type { DeliveryState } from '../message/intake/buffered-delivery';
import type { Plugins } from '../plugin/plugins';

/** A handler that has an event in this host, with the state of its delivery. */
export interface EventInHost {
  readonly plugin: string;
  readonly handler: string;
  readonly state: DeliveryState;
}

/**
 * Finds the handlers of this host that have an event now. Only the host's memory knows this.
 * @param event the event's stream and sequence, with a space between them
 */
export function eventInHost(event: string, { entries }: Pick<Plugins, 'entries'>): EventInHost[] {
  const [stream = '', sequence] = event.split(' ');
  return entries.flatMap(({ name, handlers }) =>
    handlers.flatMap((handler) => {
      const state = handler.stateOf({ stream, sequence: Number(sequence) });
      return state === undefined ? [] : [{ plugin: name, handler: handler.definition.name, state }];
    }),
  );
}
