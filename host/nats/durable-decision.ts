import type { DurableSpec } from '../broker/durable';
import { JetplugError } from '../../sdk/internal';
import type { ConsumerInfo } from './client';
import { changeTexts, differencesOf, type FieldChange } from './durable-config';
import { foreignDurable } from './foreign-durable';
import { ownershipOf } from './ownership';

/**
 * The decision how an existing durable gets to the settings of its handler. A starting host and `jetplug plan` make the
 * same decision.
 */
export type DurableDecision =
  | { readonly action: 'use' }
  | { readonly action: 'update'; readonly changes: readonly FieldChange[] }
  /**
   * The durable is deleted and created again behind the settled events. `refusal` is set where a field differs that the
   * server does not change; without it, the server skips events of the durable, and an update does not deliver these.
   */
  | {
      readonly action: 'recreate';
      readonly changes: readonly FieldChange[];
      readonly refusal: JetplugError | undefined;
    }
  /** The host must not use the durable. */
  | { readonly action: 'refuse'; readonly refusal: JetplugError };

/** Compares a durable with the settings of its handler, and decides. */
export function decideDurable(spec: DurableSpec, existing: ConsumerInfo): DurableDecision {
  const { config } = existing;
  const owner = ownershipOf(config.metadata, spec.deployment);
  if (owner.kind !== 'ours') return { action: 'refuse', refusal: foreignDurable(spec, existing, owner) };
  const { fixed, correctable, ofOtherHost, skipsEvents } = differencesOf(spec, { ...config });
  const changes = [...fixed, ...correctable, ...(spec.yieldsToOtherHosts ? [] : ofOtherHost)];
  if (fixed.length > 0) return { action: 'recreate', changes, refusal: notUpdatable(spec, fixed, RECREATE_HINT) };
  const filter = ofOtherHost.find(({ field }) => field === 'filter_subject');
  if (filter && spec.yieldsToOtherHosts) return { action: 'refuse', refusal: filterOfOtherHost(spec, filter) };
  if (changes.length === 0) return { action: 'use' };
  return skipsEvents ? { action: 'recreate', changes, refusal: undefined } : { action: 'update', changes };
}

const RECREATE_HINT =
  'Create it again at its position with `npx jetplug apply`, or let the hosts do that: ' +
  'deploy.onRecreate: keep-position. ' +
  'Or give the handler a new durable with @Subscribe({ durable }).';

/** Returns the error for a durable that differs in fields which the server does not change in place. */
export function notUpdatable(name: DurableName, fixed: readonly FieldChange[], hint?: string): JetplugError {
  const message = `${durableText(name)} cannot be changed in place: ${changeTexts(fixed).join(', ')}`;
  return new JetplugError('JP_CONSUMER_NOT_UPDATABLE', message, { hint });
}

function filterOfOtherHost(spec: DurableSpec, filter: FieldChange): JetplugError {
  const message = `${durableText(spec)} has a filter that another host of the deployment has set since: ${changeTexts([filter]).join()}`;
  return new JetplugError('JP_CONSUMER_NOT_UPDATABLE', message, {
    hint: 'Hosts of one deployment need the same plugins: bring this host to the version of the other, or stop one of them.',
  });
}

type DurableName = Pick<DurableSpec, 'stream' | 'durable'>;

export function durableText({ stream, durable }: DurableName): string {
  return `durable ${durable} on stream ${stream}`;
}
