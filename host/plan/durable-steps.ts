import type { DurableSpec } from '../broker/durable';
import { Limiter } from '../base/limiter';
import type { ConsumerInfo } from '../nats/client';
import type { Connection } from '../nats/connection';
import { withServerSettings, type DurableDeploy } from '../nats/consumers';
import { readableChanges, type FieldChange } from '../nats/durable-config';
import { decideDurable } from '../nats/durable-decision';
import { positionOf } from '../nats/durable-position';
import { findDurable } from '../nats/find-durable';
import { formerSubjects } from '../nats/former-subjects';
import { countFrom, maxBatchLimit } from '../nats/message-count';
import { hasDeferred } from '../nats/retry-queue';
import type { ServerAssets } from '../nats/server-assets';
import { RECORDS_BUCKET, type WantedStream } from '../nats/wanted-streams';
import { RETRY_STREAM } from '../broker/stream-state';
import type { HandlerAssets, PluginAssets } from '../plugin/plugin-assets';
import { openSettlements } from '../plugin/reconcile';
import type { PlannedChange, Step } from './change';
import { durableHost } from './durable-host';

/** The server counts events one request after the other. With more requests at once the last ones would time out. */
const AT_ONCE = 50;

/**
 * Compares the durables of the handlers with the server. A durable that is as it should be has no step.
 * @param streams the steps of the streams, which may create a durable's stream, or create it again
 */
export async function durableSteps(
  connection: Connection,
  plugins: readonly PluginAssets[],
  streams: readonly Step[],
  server: ServerAssets,
  deploy: Pick<DurableDeploy, 'bindOnly' | 'waits'>,
): Promise<Step[]> {
  const planner = new DurablePlanner(connection, streams, server, deploy);
  const limit = new Limiter(AT_ONCE);
  const handlers = plugins.filter(({ isEnabled }) => isEnabled).flatMap((plugin) => plugin.handlers);
  const steps = await Promise.all(handlers.map((handler) => limit.take(() => planner.stepsOf(handler))));
  return steps.flat();
}

/** Limits of a stream for its consumers, which the client does not know. */
interface Limited {
  readonly consumer_limits?: { readonly inactive_threshold?: number };
}

class DurablePlanner {
  private readonly streamSteps: ReadonlyMap<string, Step>;
  private maxBatch: Promise<number | undefined> | undefined;

  constructor(
    private readonly connection: Connection,
    streams: readonly Step[],
    private readonly server: ServerAssets,
    private readonly deploy: Pick<DurableDeploy, 'bindOnly' | 'waits'>,
  ) {
    this.streamSteps = new Map(streams.map((step) => [(step.target.wanted as WantedStream).settings.name, step]));
  }

  async stepsOf({ durable, retryDurable }: HandlerAssets): Promise<Step[]> {
    const steps = [await this.stepOf(durable), await this.retryStepOf(retryDurable)];
    return steps.filter((step) => step !== undefined);
  }

  private async stepOf(spec: DurableSpec): Promise<Step | undefined> {
    const existing = await this.find(spec);
    const streamChange = this.streamSteps.get(spec.stream)?.change.change;
    if (streamChange === 'recreate') return existing ? this.withStream(spec, existing) : this.create(spec, true);
    if (existing) return this.compare(spec, existing);
    const exists = this.server.streams.has(spec.stream);
    // Nobody can create the durable while its stream is missing, and the step of the stream says so.
    return exists || streamChange === 'create' ? this.create(spec, !exists) : undefined;
  }

  /** A host creates the durable of a retry queue when the queue holds an event, unless it may create nothing. */
  private async retryStepOf(spec: DurableSpec): Promise<Step | undefined> {
    const queue = this.server.streams.get(RETRY_STREAM);
    if (!queue) return this.deploy.bindOnly ? this.create(spec, true) : undefined;
    if (this.streamSteps.get(RETRY_STREAM)?.change.change === 'recreate') return undefined;
    const isNeeded = this.deploy.bindOnly || (queue.state.messages > 0 && (await hasDeferred(this.connection, spec)));
    if (!isNeeded) return undefined;
    const existing = await this.find(spec);
    return existing ? this.compare(spec, existing) : this.create(spec, false);
  }

  /** The list of a cluster leaves out durables whose leader does not answer. */
  private async find({ stream, durable }: DurableSpec): Promise<ConsumerInfo | undefined> {
    if (!this.server.streams.has(stream)) return undefined;
    const listed = this.server.durables.get(stream)?.find(({ name }) => name === durable);
    return listed ?? findDurable(this.connection, stream, durable);
  }

  private async compare(spec: DurableSpec, found: ConsumerInfo): Promise<Step | undefined> {
    const former = await formerSubjects(this.connection, spec, found);
    const decision = decideDurable({ ...spec, former }, found);
    // A host that waits leaves the settings that the config decides.
    const ofHost = this.deploy.waits ? decideDurable({ ...withServerSettings(spec, found), former }, found) : decision;
    if (decision.action === 'use') return undefined;
    const about = aboutOf(spec);
    const target = { kind: 'durable' as const, found, wanted: spec };
    if (decision.action === 'refuse') {
      const { refusal } = decision;
      return { target, refusal, change: { change: 'foreign', ...about, impact: refusal.message, atStart: false } };
    }
    const { action: change } = decision;
    const changes = await this.withoutLimits(spec.stream, decision.changes);
    if (changes.length === 0) return undefined;
    const isRecreated = decision.action === 'recreate';
    const waiting = isRecreated
      ? `it begins behind the settled events, ${await this.waitingFrom(spec, await this.nextOf(spec, found))}`
      : `it keeps its position: ${waitingText(found)}`;
    const isPermitted = !isRecreated || !decision.refusal || spec.mayRecreate === true;
    const atStart = isPermitted && 'changes' in ofHost && ofHost.changes.length === decision.changes.length;
    return {
      target,
      change: { change, ...about, fields: readableChanges(changes), impact: waiting, atStart },
    };
  }

  /** Leaves out the values that limits of the server or of the stream set, because no update changes them. */
  private async withoutLimits(stream: string, changes: readonly FieldChange[]): Promise<readonly FieldChange[]> {
    const { inactive_threshold } =
      (this.server.streams.get(stream)?.config as Limited | undefined)?.consumer_limits ?? {};
    const isBatch = ({ field }: FieldChange): boolean => field === 'max_batch';
    // The server has the limit for all of its streams, and shows it on a consumer only.
    if (changes.some(isBatch)) this.maxBatch ??= maxBatchLimit(this.connection, stream);
    const limits: Record<string, unknown> = { max_batch: await this.maxBatch, inactive_threshold };
    return changes.filter(({ field, from }) => limits[field] === undefined || limits[field] !== from);
  }

  /** Plans for a durable whose stream is deleted and created again. */
  private withStream(spec: DurableSpec, found: ConsumerInfo): Step {
    const impact = 'it is deleted and created again with its stream, and delivers every event of the new one';
    const target = { kind: 'durable' as const, found, wanted: spec };
    return { target, change: { change: 'recreate', ...aboutOf(spec), fields: [], impact, atStart: false } };
  }

  private async create(spec: DurableSpec, isNewStream: boolean): Promise<Step> {
    const impact = isNewStream ? 'it begins with its stream' : await this.startText(spec);
    const target = { kind: 'durable' as const, found: undefined, wanted: spec };
    return { target, change: { change: 'create', ...aboutOf(spec), impact, atStart: true } };
  }

  /** Tells where a durable that is created on an existing stream begins, and how many events wait there. */
  private async startText(spec: DurableSpec): Promise<string> {
    const floor = await this.settledFloor(spec);
    if (floor !== undefined) return `it begins behind event ${floor}, ${await this.waitingFrom(spec, floor + 1)}`;
    const { from } = spec;
    if (from === 'new') return 'it begins with the next event; stored ones are not delivered';
    if (from === 'beginning') return `it begins with the oldest event, ${await this.waitingFrom(spec, 1)}`;
    if ('sequence' in from)
      return `it begins with event ${from.sequence}, ${await this.waitingFrom(spec, from.sequence)}`;
    return `it begins with the events of the last ${from.since}`;
  }

  /** Returns the position of a handler that a host has run before; undefined for any other. */
  private async settledFloor(spec: DurableSpec): Promise<number | undefined> {
    if (!this.server.streams.has(`KV_${RECORDS_BUCKET}`)) return undefined;
    const settlements = await openSettlements(spec, durableHost(this.connection));
    return settlements.knowsPosition ? settlements.floor : undefined;
  }

  /** Returns the sequence at which a durable continues that is created again. */
  private async nextOf(spec: DurableSpec, found: ConsumerInfo): Promise<number> {
    return Math.max((await this.settledFloor(spec)) ?? 0, positionOf(found).ackFloor) + 1;
  }

  private async waitingFrom({ stream, subject }: DurableSpec, sequence: number): Promise<string> {
    const count = await countFrom(this.connection, stream, sequence, [subject]);
    return count === undefined
      ? 'with an unknown number of stored events to handle'
      : `with ${count} stored events to handle`;
  }
}

export function waitingText({ num_pending: pending, num_ack_pending: inFlight }: ConsumerInfo): string {
  return `${pending} pending, ${inFlight} in flight`;
}

function aboutOf({
  durable,
  stream,
  owner,
}: DurableSpec): Pick<PlannedChange, 'kind' | 'name' | 'stream' | 'plugin' | 'handler'> {
  return { kind: 'durable', name: durable, stream, plugin: owner.plugin, handler: owner.handler };
}
