import { covers } from '../../sdk/internal';
import type { DurableSettings, FormerSubject } from '../broker/durable';
import { AckPolicy, nanos, ReplayPolicy, type ConsumerConfig } from './client';
import { markOf } from './ownership';
import { PIN_FIELDS, pinFields, PINNED } from './pin-config';
import { settingText } from './setting-text';

/** A field of a durable on the server that differs. */
export interface FieldChange {
  readonly field: string;
  readonly from: unknown;
  readonly to: unknown;
}

/** The differences between a durable on the server and its handler's settings. */
export interface DurableDifferences {
  /** Differences that the server does not change in place. */
  readonly fixed: readonly FieldChange[];
  /** Differences that an update corrects. */
  readonly correctable: readonly FieldChange[];
  /** Settings of another host of the deployment, whose plugin has another version. The host that started last decides. */
  readonly ofOtherHost: readonly FieldChange[];
  /**
   * A program other than a host has set a filter or `max_deliver`. Both make the server skip events, and an update does
   * not deliver these: the durable has to be deleted and created after the settled events.
   */
  readonly skipsEvents: boolean;
  /** Settings of a newer server that this version does not know. They stay as they are. */
  readonly unknown: readonly string[];
}

/** The metadata entry that holds the settings of the host that updated the durable last. */
const SETTINGS = 'jetplug.settings';
/** The metadata entry with the earlier subjects of the handler, as JSON. */
const FORMER = 'jetplug.former';
const MAX_PULLS = 512;
/** The fields that the config alone decides. The host with the newest config corrects them on every durable. */
const OF_CONFIG: readonly string[] = ['ack_wait', 'max_ack_pending', `metadata ${SETTINGS}`];

/** A durable's config as the server reports it. It may have fields that the client does not know. */
export type ServerConfig = Partial<ConsumerConfig> & Record<string, unknown>;

/** Returns the fields that a handler's settings decide. Hosts of one deployment may differ in them during an update. */
function ownFields(spec: DurableSettings): ServerConfig {
  return {
    filter_subject: filtersFor(spec).join(','),
    ack_wait: nanos(spec.ackWaitMs),
    max_ack_pending: spec.maxAckPending,
    ...pinFields(spec),
    description: `jetplug ${spec.owner.plugin}.${spec.owner.handler}`,
  };
}

/** Returns the subjects that the durable delivers. The server refuses a subject that another one covers. */
export function filtersFor({ subject, former = [] }: Pick<DurableSettings, 'subject' | 'former'>): string[] {
  const all = [...new Set([subject, ...former.map((one) => one.subject)])];
  return all.filter((one) => !all.some((other) => other !== one && covers(other, one)));
}

/** Returns the own fields as the server takes them. */
function sentFields(spec: DurableSettings): ServerConfig {
  const { filter_subject: _, ...all } = ownFields(spec);
  const [filter, ...more] = filtersFor(spec);
  const fields = Object.entries(all).filter(([field]) => spec.isPinned || !PIN_FIELDS.includes(field));
  return {
    ...Object.fromEntries(fields),
    ...(more.length === 0 ? { filter_subject: filter! } : { filter_subjects: [filter!, ...more] }),
  };
}

function ownMetadata(spec: DurableSettings): Record<string, string> {
  const { plugin, handler } = spec.owner;
  const { subject, former = [] } = spec;
  return {
    ...markOf(spec.deployment),
    'jetplug.plugin': plugin,
    'jetplug.handler': handler,
    ...(former.length > 0 && { [FORMER]: JSON.stringify({ subject, former } satisfies FormerRecord) }),
  };
}

/** The fields that are the same for every durable, with the server's defaults. */
const CONSTANT_FIELDS: Readonly<Record<string, unknown>> = {
  // The host counts failures itself, because the server's count includes deploys and lost connections.
  max_deliver: -1,
  headers_only: false,
  backoff: [],
  max_batch: 0,
  max_expires: 0,
  max_bytes: 0,
  inactive_threshold: 0,
  num_replicas: 0,
  sample_freq: '',
  rate_limit_bps: 0,
  deliver_group: '',
};

/** The server refuses to change these fields, or reports a change that it does not apply. */
const FIXED_FIELDS: Readonly<Record<string, unknown>> = {
  ack_policy: AckPolicy.Explicit,
  replay_policy: ReplayPolicy.Instant,
  deliver_subject: '',
  flow_control: false,
  idle_heartbeat: 0,
  mem_storage: false,
  max_waiting: MAX_PULLS,
};

/** The compared fields, the name, the fields that only the creation uses, and the pause. */
const KNOWN_FIELDS: ReadonlySet<string> = new Set([
  ...Object.keys(CONSTANT_FIELDS),
  ...Object.keys(FIXED_FIELDS),
  'filter_subject',
  'filter_subjects',
  'ack_wait',
  'max_ack_pending',
  'description',
  ...PIN_FIELDS,
  'metadata',
  'name',
  'durable_name',
  'deliver_policy',
  'opt_start_seq',
  'opt_start_time',
  'pause_until',
  'direct',
]);

/** Returns the config with which a host creates the durable. */
export function newConfig(spec: DurableSettings): ServerConfig {
  const { max_deliver } = CONSTANT_FIELDS as { max_deliver: number };
  const { ack_policy, replay_policy } = FIXED_FIELDS as Pick<ConsumerConfig, 'ack_policy' | 'replay_policy'>;
  return { ack_policy, replay_policy, max_deliver, ...sentFields(spec), metadata: metadataOf(spec) };
}

/** Returns a durable's config on the server with all corrections that an update can make. */
export function correctedConfig(spec: DurableSettings, actual: ServerConfig): ServerConfig {
  const unchanged = Object.entries(actual).filter(
    ([field]) => !field.startsWith('filter_subject') && !PIN_FIELDS.includes(field) && !(field in CONSTANT_FIELDS),
  );
  const { max_deliver } = CONSTANT_FIELDS;
  const { [FORMER]: _, ...metadata } = actual.metadata ?? {};
  return {
    ...Object.fromEntries(unchanged),
    max_deliver: max_deliver as number,
    ...sentFields(spec),
    metadata: { ...metadata, ...metadataOf(spec) },
  };
}

/** Compares every field of a durable on the server with its handler's settings. */
export function differencesOf(spec: DurableSettings, actual: ServerConfig): DurableDifferences {
  const constant = changesOf(CONSTANT_FIELDS, actual);
  const own = [...changesOf(ownFields(spec), actual), ...metadataChanges(spec, actual)];
  const byOtherHost = isOfOtherHost(spec, actual) && own.some(({ field }) => !OF_CONFIG.includes(field));
  const correctable = byOtherHost ? constant : [...constant, ...own];
  return {
    fixed: changesOf(FIXED_FIELDS, actual).filter(isFixedChange),
    correctable,
    ofOtherHost: byOtherHost ? own : [],
    skipsEvents: SETTINGS in (actual.metadata ?? {}) && correctable.some((change) => skipsEvents(change, actual)),
    unknown: Object.keys(actual).filter((field) => !KNOWN_FIELDS.has(field)),
  };
}

/** Whether a durable with this config delivers every event of the handler until the event is settled. */
export function isComplete(spec: DurableSettings, actual: ServerConfig): boolean {
  return filterOf(actual) === filtersFor(spec).join(',') && !(Number(actual.max_deliver) > 0);
}

/** Returns the changes as texts such as `max_deliver: 3 → -1`. */
export function changeTexts(changes: readonly FieldChange[]): string[] {
  return readableChanges(changes).map(({ field, from, to }) => `${field}: ${from} → ${to}`);
}

/** Returns the changes with their values as readable text, without those that only follow from others. */
export function readableChanges(changes: readonly FieldChange[]): { field: string; from: string; to: string }[] {
  return changes
    .filter(({ field }) => changes.length === 1 || !NOTES.has(field))
    .map(({ field, from, to }) => ({ field, from: settingText(field, from), to: settingText(field, to) }));
}

/** The changes that accompany another one. */
const NOTES: ReadonlySet<string> = new Set([`metadata ${SETTINGS}`, `metadata ${FORMER}`]);

/** Returns the differences in the fields that are the same for every durable. */
export function constantDifferences(actual: ServerConfig): Pick<DurableDifferences, 'fixed' | 'correctable'> {
  return {
    fixed: changesOf(FIXED_FIELDS, actual).filter(isFixedChange),
    correctable: changesOf(CONSTANT_FIELDS, actual),
  };
}

/**
 * Whether a difference in a field that cannot be changed matters. A higher limit of waiting pulls than the host needs
 * does no harm, and a push consumer has none.
 */
function isFixedChange({ field, from }: FieldChange): boolean {
  return field !== 'max_waiting' || (from !== 0 && Number(from) < MAX_PULLS);
}

function skipsEvents({ field, from }: FieldChange, actual: ServerConfig): boolean {
  if (field === 'max_deliver') return Number(from) > 0;
  return field === 'filter_subject' && !isAsStamped(actual);
}

function changesOf(wanted: Readonly<Record<string, unknown>>, actual: ServerConfig): FieldChange[] {
  return Object.entries(wanted).flatMap(([field, to]) => {
    const from = field === 'filter_subject' ? filterOf(actual) : (actual[field] ?? emptyLike(to));
    return JSON.stringify(from) === JSON.stringify(to) ? [] : [{ field, from, to }];
  });
}

/** Returns the value of a field that is not set, because the server leaves such fields out. */
function emptyLike(value: unknown): unknown {
  if (Array.isArray(value)) return [];
  if (typeof value === 'boolean') return false;
  return typeof value === 'string' ? '' : 0;
}

/** Returns the subjects that the durable delivers, as text. */
export function filterOf({ filter_subject, filter_subjects }: ServerConfig): string {
  return filter_subjects && filter_subjects.length > 0 ? filter_subjects.join(',') : filter_subject || '>';
}

function metadataOf(spec: DurableSettings): Record<string, string> {
  const own = ownMetadata(spec);
  return { ...own, [SETTINGS]: stampOf({ ...ownFields(spec), metadata: own }) };
}

/** Compares the metadata entries of the host. The server and operators may add others. */
function metadataChanges(spec: DurableSettings, { metadata = {} }: ServerConfig): FieldChange[] {
  return Object.entries({ [FORMER]: '', ...metadataOf(spec) })
    .filter(([key, to]) => (metadata[key] ?? '') !== to)
    .map(([key, to]) => ({ field: `metadata ${key}`, from: metadata[key] ?? '', to }));
}

/**
 * Returns a stamp: the settings of the host that updated the durable last, as text. It distinguishes a change by
 * another host from a change by an operator.
 */
function stampOf(config: ServerConfig): string {
  const { ack_wait, max_ack_pending, priority_policy, metadata = {} } = config;
  const owner = `${metadata['jetplug.plugin']}.${metadata['jetplug.handler']}`;
  const stamp = [owner, filterOf(config), ack_wait, max_ack_pending].join(' ');
  return priority_policy === PINNED ? `${stamp} ${PINNED}` : stamp;
}

/** Whether a change concerns the filter. With another filter the durable delivers other events. */
export const isOfFilter = ({ field }: Pick<FieldChange, 'field'>): boolean => field === 'filter_subject';

/** Whether a host has set the filter that is to be changed, to keep an earlier subject until its events are handled. */
export function isOwnFilter(changes: readonly FieldChange[], actual: ServerConfig): boolean {
  return changes.some(isOfFilter) && isAsStamped(actual);
}

/** Whether the durable's settings are still those that the last host has stamped on the durable. */
function isAsStamped(actual: ServerConfig): boolean {
  return actual.metadata?.[SETTINGS] === stampOf(actual);
}

function isOfOtherHost(spec: DurableSettings, actual: ServerConfig): boolean {
  const record = formerRecord(actual.metadata);
  // A host of this version has added the earlier subjects, also those that are done.
  const former = record?.subject === spec.subject ? record.former : (spec.former ?? []);
  return isAsStamped(actual) && actual.metadata?.[SETTINGS] !== metadataOf({ ...spec, former })[SETTINGS];
}

/** The earlier subjects of a handler as its durable records them, and the subject that came after them. */
interface FormerRecord {
  readonly subject: string;
  readonly former: readonly FormerSubject[];
}

/** Reads the earlier subjects that a host has recorded; undefined if it has recorded none. */
export function formerRecord(metadata: Record<string, string> = {}): FormerRecord | undefined {
  try {
    const record = JSON.parse(metadata[FORMER] ?? '') as FormerRecord | null;
    return typeof record?.subject === 'string' && Array.isArray(record.former) ? record : undefined;
  } catch {
    return undefined; // There is no entry, or another program has written it.
  }
}

/** Returns the subject of the handler when a host has updated the durable last, if it had no earlier subjects then. */
export function stampedSubject(metadata: Record<string, string> = {}): string | undefined {
  return metadata[SETTINGS]?.split(' ')[1];
}
