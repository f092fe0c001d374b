import type { Start } from '../../sdk/internal';
import type { Config } from '../../host/config/config';
import type { Connection } from '../../host/nats/connection';
import { makeStep, selectSteps } from '../../host/plan/apply-plan';
import type { PlannedChange, Step } from '../../host/plan/change';
import { makePlan } from '../../host/plan/make-plan';
import { retryDurableOf, type PluginAssets } from '../../host/plugin/plugin-assets';

/** A handler of a test's plugin: its name, its subject, and where its durable begins. */
export interface PlannedHandler {
  readonly subject: string;
  readonly stream?: string;
  readonly from?: Start;
}

export interface Deployed {
  readonly config: Config;
  /** The handlers of each plugin, by name. */
  readonly plugins: Readonly<Record<string, Readonly<Record<string, PlannedHandler>>>>;
  /** The plugins that inject a store. Default: none. */
  readonly withStore?: readonly string[];
  /** Whether another plugin cannot be read. Default false. */
  readonly hasUnread?: boolean;
}

/** Compares a deployment with the server, as `jetplug plan` does. */
export function planOf(
  connection: Connection,
  { config, plugins, withStore = [], hasUnread = false }: Deployed,
): Promise<Step[]> {
  const assets = Object.entries(plugins).map(([plugin, handlers]): PluginAssets => {
    const specs = Object.entries(handlers).map(([handler, { subject, stream = 'EVENTS', from = 'beginning' }]) => {
      const { ackWaitMs, maxAckPending } = config.delivery;
      const owner = { plugin, handler };
      const durable = `${plugin}-${handler}`;
      const mayRecreate = config.deploy.onRecreate === 'keep-position';
      const settings = { subject, ackWaitMs, maxAckPending, owner, deployment: config.deploy.name };
      return { stream, durable, from, ...settings, ...(mayRecreate && { mayRecreate }) };
    });
    return {
      plugin,
      isEnabled: config.plugins.sections[plugin]?.enabled !== false,
      hasStore: withStore.includes(plugin),
      handlers: specs.map((durable) => ({ durable, retryDurable: retryDurableOf(durable) })),
    };
  });
  return makePlan(connection, config, { plugins: assets, hasUnread });
}

export interface ApplyFlags {
  readonly prune?: boolean;
  readonly allowDataLoss?: boolean;
}

/** Makes the steps, as `jetplug apply` does. */
export async function applySteps(
  connection: Connection,
  steps: readonly Step[],
  { prune = false, allowDataLoss = false }: ApplyFlags = {},
  deployment = 'jetplug',
): Promise<void> {
  const options = { deployment, prune, allowDataLoss, by: 'ann@desk' };
  for (const step of selectSteps(steps, options).made) await makeStep(connection, step, options);
}

const SIGNS: Record<PlannedChange['change'], string> = {
  create: '+',
  update: '~',
  recreate: '!',
  orphan: '-',
  foreign: '?',
};

/** A change on one line: sign, asset, fields, what it means, and the flags that it needs. */
export function lineOf({ change: { change, kind, name, stream, fields, impact, needs, atStart } }: Step): string {
  const where = stream === undefined ? '' : ` on ${stream}`;
  const differing = fields?.map(({ field, from, to }) => ` ${field} ${from} → ${to}`).join(',') ?? '';
  const flags = needs ? ` [${needs.join(' ')}]` : '';
  return `${SIGNS[change]} ${kind} ${name}${where}${differing}: ${impact}${flags}${atStart ? '' : ' (not at a start)'}`;
}
