import { createHash } from 'node:crypto';
import { JetplugError } from '../../sdk/internal';
import { givenMetadata } from '../nats/ownership';
import { assetKey, type PlannedChange, type Step } from './change';

/** A plan that `jetplug plan --out` has written, for `jetplug apply`. */
export interface PlanFile {
  /** The version of this layout. A reader refuses any other one. */
  readonly format: typeof FORMAT;
  readonly deployment: string;
  readonly changes: readonly FiledChange[];
}

/** A change, with what identifies the asset on the server and the settings that it is to get. */
export interface FiledChange extends PlannedChange {
  /** A digest of the asset on the server: its creation time and its settings. Null for one that is missing. */
  readonly server: string | null;
  /** A digest of the settings that it is to get. Null for an orphan. */
  readonly wanted: string | null;
}

const FORMAT = 1;

export function planFile(deployment: string, steps: readonly Step[]): PlanFile {
  return { format: FORMAT, deployment, changes: steps.map(filed) };
}

/** @throws JetplugError `JP_PLAN_FILE_INVALID` */
export function parsePlanFile(text: string, file: string): PlanFile {
  const invalid = (why: string): JetplugError =>
    new JetplugError('JP_PLAN_FILE_INVALID', `${file} is no plan: ${why}`, { file });
  let read: Partial<PlanFile> | null;
  try {
    read = JSON.parse(text) as Partial<PlanFile> | null;
  } catch (cause) {
    throw invalid((cause as Error).message);
  }
  if (read?.format !== FORMAT) throw invalid(`its format is ${JSON.stringify(read?.format)}, not ${FORMAT}`);
  if (typeof read.deployment !== 'string' || !Array.isArray(read.changes)) throw invalid('its changes are missing');
  if (!(read.changes as unknown[]).every(isChange)) throw invalid('one of its changes has no kind or no name');
  return read as PlanFile;
}

function isChange(value: unknown): boolean {
  const { kind, name } = (value ?? {}) as Partial<FiledChange>;
  return typeof kind === 'string' && typeof name === 'string';
}

/**
 * Compares a plan that was written earlier with one that was made now. A change that the earlier plan has and that is no
 * longer needed was made meanwhile, such as by an `apply` that was killed. The impact and the numbers of events may
 * differ.
 * @throws JetplugError `JP_PLAN_STALE`, which names the first difference
 */
export function assertCurrent(file: PlanFile, deployment: string, steps: readonly Step[]): void {
  const stale = (what: string): JetplugError => new JetplugError('JP_PLAN_STALE', `the plan is out of date: ${what}`);
  if (file.deployment !== deployment) {
    throw stale(`it is of the deployment ${file.deployment}, and the config is of ${deployment}`);
  }
  const earlier = new Map(file.changes.map((change) => [assetKey(change), change]));
  for (const now of steps.map(filed)) {
    const difference = differenceOf(earlier.get(assetKey(now)), now);
    if (difference !== undefined) throw stale(`${assetKey(now)} ${difference}`);
  }
}

function differenceOf(before: FiledChange | undefined, now: FiledChange): string | undefined {
  if (!before) return `is not in it, and is now to be changed (${now.change})`;
  if (before.wanted !== now.wanted) return 'is to get other settings now: the config or a plugin has changed';
  // A killed `apply` has deleted the asset and not created it again yet.
  if (before.change === 'recreate' && now.change === 'create') return undefined;
  if (before.change !== now.change)
    return `is to be changed in another way now (${before.change} then, ${now.change} now)`;
  return before.server === now.server ? undefined : 'has been changed on the server';
}

function filed({ change, target }: Step): FiledChange {
  const { found } = target;
  const wanted = target.kind === 'stream' ? target.wanted?.settings : target.wanted;
  return {
    ...change,
    server: found ? digest({ created: found.created, config: comparable(found.config) }) : null,
    wanted: wanted ? digest(wanted) : null,
  };
}

/** Leaves out what the server writes by itself, and a pause, which no change of a plan concerns. */
function comparable(config: object): object {
  const { metadata, pause_until: _, ...settings } = config as Record<string, unknown>;
  return { ...settings, metadata: givenMetadata(metadata as Record<string, string> | undefined) };
}

/** The order of the keys plays no part. */
function digest(value: object): string {
  const text = JSON.stringify(value, (_, each: unknown) =>
    each !== null && typeof each === 'object' && !Array.isArray(each)
      ? Object.fromEntries(Object.entries(each).sort(([a], [b]) => (a < b ? -1 : 1)))
      : each,
  );
  return createHash('sha256').update(text).digest('base64url').slice(0, 22);
}
