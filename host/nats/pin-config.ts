import type { DurableSettings } from '../broker/durable';
import { nanos } from './client';

/** The only priority group of a pinned durable. */
export const PIN_GROUP = 'jetplug';
/**
 * The time after which a host that has sent no pull request loses the pin. It is longer than the event loop of a busy
 * host is blocked.
 */
export const PIN_TIMEOUT_MS = 4_000;

export const PINNED = 'pinned_client';

/** The fields of a durable that make it deliver to one host at a time (ADR-42). */
export const PIN_FIELDS: readonly string[] = ['priority_groups', 'priority_policy', 'priority_timeout'];

/** Returns these fields as the server reports them. */
export function pinFields({ isPinned = false }: Pick<DurableSettings, 'isPinned'>) {
  return {
    priority_groups: isPinned ? [PIN_GROUP] : [],
    priority_policy: isPinned ? PINNED : '',
    priority_timeout: isPinned ? nanos(PIN_TIMEOUT_MS) : 0,
  };
}
