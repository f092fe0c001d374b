import type { JetplugError } from '../../sdk/internal';
import type { Config } from '../config/config';
import type { Connection } from '../nats/connection';
import { durableMissing, streamMissing } from '../nats/create-command';
import type { Step } from '../plan/change';
import { makePlan } from '../plan/make-plan';
import { planPlugins } from './plan-plugins';

/**
 * Lists everything that hosts with this config and these plugins need on the server and that is missing there.
 * @returns an error for each stream, bucket and durable; its hint has the command that creates it
 */
export async function missingAssets(connection: Connection, config: Config): Promise<JetplugError[]> {
  const steps = await makePlan(connection, config, await planPlugins(config));
  return steps
    .filter(({ change }) => change.change === 'create')
    .map(({ target }) => missing(target, connection, config))
    .filter((error) => error !== undefined);
}

function missing({ kind, wanted }: Step['target'], { apiPrefix }: Connection, { deploy }: Config) {
  if (!wanted) return undefined;
  return kind === 'stream' ? streamMissing(apiPrefix, wanted, deploy.name) : durableMissing(apiPrefix, wanted);
}
