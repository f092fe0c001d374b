import type { Envelope, EventContract } from '../../sdk/internal';

/**
 * Builds the event that a handler gets. A class that declares a field of its schema again (`user_id!: string`)
 * overwrites the value that its parent's constructor set, most often with `undefined`. The validated value is then
 * restored.
 */
export function buildEvent(contract: EventContract, values: Envelope): Envelope {
  const construct = contract as unknown as new (values: Envelope) => Envelope;
  const event = new construct(values) as unknown as Record<string, unknown>;
  const validated = values as unknown as Record<string, unknown>;
  for (const name in validated) {
    const value = validated[name];
    // An accessor of the class is not overwritten, because the class decides what the accessor returns.
    if (event[name] !== value && Object.hasOwn(event, name)) redefine(event, name, value);
  }
  return event as unknown as Envelope;
}

function redefine(event: object, name: string, value: unknown): void {
  Object.defineProperty(event, name, { value, writable: true, enumerable: true, configurable: true });
}
