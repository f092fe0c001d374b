import { JetplugError } from '../../sdk/internal';
import type { Config } from '../config/config';
import { Bucket } from '../nats/bucket';
import { newerConfigFor } from '../nats/config-generation';
import type { Connection } from '../nats/connection';
import { fingerprintOf, type NewerConfig } from '../nats/generation-record';
import { readServerAssets, type ServerAssets } from '../nats/server-assets';
import { RECORDS_BUCKET } from '../nats/wanted-streams';
import type { PluginAssets } from '../plugin/plugin-assets';
import type { Step } from './change';
import { durableSteps } from './durable-steps';
import { neededStreams } from './needed-streams';
import { foreignDurablesOn, orphanSteps } from './orphan-steps';
import { circularError, circularSteps, inSafeOrder } from './order';
import { overlapsOf, streamSteps, type Overlap } from './stream-steps';

/** The plugins of the plugins folders, as far as they could be read. */
export interface ReadPlugins {
  readonly plugins: readonly PluginAssets[];
  /** Whether some plugin could not be read, so that its assets are not known. */
  readonly hasUnread: boolean;
}

/**
 * Compares the config and the plugins with the server. Changes nothing.
 * @returns the steps that bring the server to the config, in the order in which `apply` makes them
 * @throws JetplugError `JP_BROKER_*` if the server does not answer
 */
export async function makePlan(
  connection: Connection,
  config: Config,
  { plugins, hasUnread }: ReadPlugins,
): Promise<Step[]> {
  const server = await readServerAssets(connection);
  const newer = await newerConfigOf(connection, config, server);
  const deploy = { ...config.deploy, waits: newer !== undefined };
  const needed = await neededStreams(connection, config, plugins, server);
  const streams = await streamSteps(connection, needed, deploy, server);
  const durables = await durableSteps(connection, plugins, streams, server, deploy);
  const orphans = orphanSteps(server, { deployment: deploy.name, needed, plugins, hasUnread });
  const steps = [...streams, ...durables, ...orphans];
  const all = withoutCircles(steps.map((step) => withObstacles(step, steps, server, deploy.name)));
  const blocked = new Set(all.filter(isBlocked).map(({ change }) => change.name));
  const final = all.map((step) => withoutHosts(step, deploy.bindOnly || blocked.has(step.change.stream ?? '')));
  return inSafeOrder(final.map((step) => withNewerConfig(step, newer)));
}

/** Returns the newer config that a host with this one waits for. A host that changes nothing waits for none. */
async function newerConfigOf(
  connection: Connection,
  config: Config,
  { streams }: ServerAssets,
): Promise<NewerConfig | undefined> {
  if (config.deploy.bindOnly || !streams.has(`KV_${RECORDS_BUCKET}`)) return undefined;
  return newerConfigFor(connection, Bucket.at(connection, RECORDS_BUCKET), fingerprintOf(config));
}

/** Notes on a change of settings that a host leaves them because it waits. */
function withNewerConfig(step: Step, newerConfig: NewerConfig | undefined): Step {
  const { change } = step;
  const isOfSettings = change.change === 'update' || (change.change === 'recreate' && change.kind !== 'durable');
  if (!newerConfig || change.atStart || !isOfSettings) return step;
  return { ...step, change: { ...change, newerConfig } };
}

function isBlocked({ refusal, waitsFor }: Step): boolean {
  return refusal !== undefined || waitsFor !== undefined;
}

/**
 * Notes on a change that no host makes it, and why.
 * @param isLeft whether hosts leave the change to `apply`, or cannot make it before that of its stream
 */
function withoutHosts(step: Step, isLeft: boolean): Step {
  const { change, refusal, waitsFor } = step;
  if (!refusal && !waitsFor) return isLeft ? { ...step, change: { ...change, atStart: false } } : step;
  const refused = refusal
    ? refusal.message
    : `the stream ${waitsFor!.join(', ')}, which nothing needs, holds its subjects`;
  return { ...step, change: { ...change, atStart: false, ...(refused !== change.impact && { refused }) } };
}

/** Adds the reasons why the server, or the rule that nothing foreign is touched, forbids a step. */
function withObstacles(step: Step, steps: readonly Step[], server: ServerAssets, deployment: string): Step {
  const { target, change } = step;
  if (step.refusal || target.kind !== 'stream' || change.change === 'foreign') return step;
  const isDeleted = change.change === 'recreate' || change.change === 'orphan';
  const refusal = isDeleted && target.found ? foreignDurablesOn(target.found, server, deployment) : undefined;
  if (refusal) return { ...step, refusal };
  const overlaps = target.wanted ? overlapsOf(target.wanted, steps, server) : [];
  const foreign = overlaps.filter(({ isOrphan }) => !isOrphan);
  if (foreign.length > 0) return { ...step, refusal: overlapError(change.name, foreign) };
  return overlaps.length > 0 ? { ...step, waitsFor: overlaps.map(({ stream }) => stream) } : step;
}

/** Refuses the steps that no order permits. */
function withoutCircles(steps: readonly Step[]): Step[] {
  const circular = circularSteps(steps);
  const refusal = circular.length > 0 ? circularError(circular) : undefined;
  return steps.map((step) => (refusal && !step.refusal && circular.includes(step) ? { ...step, refusal } : step));
}

export function overlapError(name: string, overlaps: readonly Overlap[], hint?: string): JetplugError {
  const others = overlaps.map(({ stream }) => stream).join(', ');
  const message = `stream ${name} and the stream ${others} on the server would hold the same subjects`;
  return new JetplugError('JP_STREAM_OVERLAP', message, { hint });
}
