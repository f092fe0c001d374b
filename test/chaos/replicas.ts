import type { JetStreamManager } from 'nats';
import type { LogLine } from '../support/host';
import type { TestCluster } from '../support/nats-cluster';

/** Whether each stream, and each durable of `EVENTS`, has a leader, and its replicas are up to date. */
export async function allCurrent(jsm: JetStreamManager, { names }: Pick<TestCluster, 'names'>): Promise<boolean> {
  const groups = [...(await jsm.streams.list().next()), ...(await jsm.consumers.list('EVENTS').next())];
  for (const { cluster: placed, config } of groups) {
    const current = (placed?.replicas ?? []).filter((replica) => replica.current && !replica.offline);
    // The leader is not among the replicas. A durable without a number has as many as its stream.
    const others = (config.num_replicas || names.length) - 1;
    if (placed?.leader === undefined || current.length < others) {
      throw new Error(`not up to date: ${JSON.stringify({ config, placed })}`);
    }
  }
  return true;
}

/** Whether a host says that data is lost, or that it cannot use a log any more. */
export function saysLoss({ msg }: LogLine): boolean {
  return [
    'stream lost with its messages; creating it again',
    'committed values are lost',
    'the commit log of the plugin cannot be used any more',
  ].includes(msg);
}
