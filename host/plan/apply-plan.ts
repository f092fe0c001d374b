import { JetplugError } from '../../sdk/internal';
import { Bucket } from '../nats/bucket';
import type { Connection } from '../nats/connection';
import { deleteDurable, deleteStream } from '../nats/delete-asset';
import type { StreamInfo } from '../nats/client';
import { ensureManagedStream } from '../nats/managed-stream';
import { recordDeletion } from '../nats/stream-deletion';
import { RECORDS_BUCKET } from '../nats/wanted-streams';
import { ensureDurableAt, openSettlements } from '../plugin/reconcile';
import { assetKey, type Step } from './change';
import { durableHost } from './durable-host';
import { overlapError } from './make-plan';

export interface ApplyOptions {
  /** The name of the deployment. */
  readonly deployment: string;
  /** Whether orphans are deleted. */
  readonly prune: boolean;
  /** Whether stored events and values may be lost. */
  readonly allowDataLoss: boolean;
  /** Who applies the plan, as `user@machine`. */
  readonly by: string;
}

/** The steps of a plan that `apply` makes, and the orphans that it leaves. */
export interface Selected {
  readonly made: readonly Step[];
  readonly left: readonly Step[];
}

/**
 * Selects the steps that the options permit.
 * @throws JetplugError, or an AggregateError of several, if a step is refused; nothing is changed then
 */
export function selectSteps(steps: readonly Step[], options: ApplyOptions): Selected {
  // A host works without a stream that is foreign and has no refusal.
  const isLeft = ({ change, refusal }: Step): boolean =>
    (change.change === 'orphan' && !options.prune) || (change.change === 'foreign' && !refusal);
  const made = steps.filter((step) => !isLeft(step));
  const found = made.map((step) => refusalOf(step, options)).filter((refusal) => refusal !== undefined);
  // Steps may share one.
  const refusals = [...new Set(found)];
  if (refusals.length === 1) throw refusals[0]!;
  if (refusals.length > 1) throw new AggregateError(refusals, 'nothing is changed');
  return { made, left: steps.filter(isLeft) };
}

function refusalOf({ change, refusal, waitsFor = [] }: Step, options: ApplyOptions): JetplugError | undefined {
  if (refusal) return refusal;
  if (waitsFor.length > 0 && !options.prune) {
    const overlaps = waitsFor.map((stream) => ({ stream, isOrphan: true }));
    const hint = `The config does not name ${waitsFor.join(', ')} any more: add --prune, which deletes it.`;
    return overlapError(change.name, overlaps, hint);
  }
  if (options.allowDataLoss || !change.needs?.includes('--allow-data-loss')) return undefined;
  return new JetplugError('JP_PLAN_DATA_LOSS', `${assetKey(change)}: ${change.impact}`);
}

/**
 * Makes one step, as a starting host would make it. A step that another program has made meanwhile is no error.
 * @throws JetplugError when the server refuses it, or the asset was replaced since the plan was made
 */
export async function makeStep(connection: Connection, { target, change }: Step, options: ApplyOptions): Promise<void> {
  const isDeleted = change.change === 'recreate' || change.change === 'orphan';
  if (target.kind === 'stream') {
    const { found, wanted } = target;
    if (isDeleted && found) await removeStream(connection, found, wanted !== undefined, options);
    const deploy = { name: options.deployment, allowDataLoss: options.allowDataLoss };
    if (wanted) await ensureManagedStream(connection, wanted, deploy);
    return;
  }
  const { found, wanted } = target;
  if (!wanted) return deleteDurable(connection, found!);
  const host = durableHost(connection);
  const settlements = await openSettlements(wanted, host);
  await ensureDurableAt({ ...wanted, mayRecreate: true }, settlements, host);
}

/** Deletes a stream, after a record of it for the hosts that run. Without the bucket of the records none runs. */
async function removeStream(
  connection: Connection,
  found: StreamInfo,
  again: boolean,
  { by, allowDataLoss }: ApplyOptions,
): Promise<void> {
  const records = await Bucket.find(connection, RECORDS_BUCKET);
  await deleteStream(connection, found, allowDataLoss, async () => {
    const deletion = { created: found.created, again, by, at: new Date().toISOString() };
    if (records) await recordDeletion(records, found.config.name, deletion);
  });
}
