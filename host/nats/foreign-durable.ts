import type { ConsumerInfo } from './client';
import { JetplugError } from '../../sdk/internal';
import { constantDifferences, filterOf } from './durable-config';
import { settingText } from './setting-text';
import type { Ownership } from './ownership';

/** Returns the error for a durable that is not this deployment's, with the ways out. */
export function foreignDurable(
  { stream, durable, deployment }: { readonly stream: string; readonly durable: string; readonly deployment: string },
  info: ConsumerInfo,
  owner: Exclude<Ownership, { kind: 'ours' }>,
): JetplugError {
  const whose =
    owner.kind === 'other-deployment'
      ? `belongs to the deployment ${owner.deployment}, and this host is of ${deployment}`
      : `has no mark of a deployment: another program or an operator has created it`;
  const message = `durable ${durable} on stream ${stream} ${whose}. It is ${describeDurable(info)}`;
  return new JetplugError('JP_CONSUMER_FOREIGN', message, {
    hint:
      `Choose another name with @Subscribe({ durable }); or, if nobody else uses it, take it over with its position: ` +
      `npx jetplug adopt durable ${durable} --stream ${stream}; or delete it: nats consumer rm ${stream} ${durable}.`,
  });
}

/** Returns a text such as `a pull consumer of video.> (max_deliver 3), 12 pending, 3 in flight`. */
export function describeDurable({ config, num_pending, num_ack_pending }: ConsumerInfo): string {
  const { deliver_subject: pushesTo } = config as { deliver_subject?: string };
  const { fixed, correctable } = constantDifferences({ ...config });
  const odd = [...fixed, ...correctable].map(({ field, from }) => `${field} ${settingText(field, from)}`);
  const kind = `a ${pushesTo ? 'push' : 'pull'} consumer of ${filterOf({ ...config })}`;
  return `${kind}${odd.length > 0 ? ` (${odd.join(', ')})` : ''}, ${num_pending} pending, ${num_ack_pending} in flight`;
}
