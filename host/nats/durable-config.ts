import type { DurableSettings } from '../broker/durable';
import { AckPolicy, nanos, ReplayPolicy, type ConsumerConfig } from 'nats';
import { markOf } from './ownership';

/** A field of a durable on the server that differs. */
export interface FieldChange {
  readonly field: string;
  readonly from: unknown;
  readonly to: unknown;
}

/** How a durable on the server differs from what its handler needs. */
export interface DurableDifferences {
  /** The server does not change these in place. */
  readonly fixed: readonly FieldChange[];
  /** An update corrects these. */
  readonly correctable: readonly FieldChange[];
  /** Another host of the deployment, with other settings, has set these: the host that started last decides. */
  readonly ofOtherHost: readonly FieldChange[];
  /**
   * Somebody else than a host has set a filter or `max_deliver`. Both make the server pass over events, which an
   * update does not bring back: the durable has to be made again behind the events that are settled.
   */
  readonly passesOver: boolean;
  /** Settings of a newer server that this version does not know. They are left as they are. */
  readonly unknown: readonly string[];
}

/** The metadata entry with the settings that the last host has given the durable. */
const SETTINGS = 'jetplug.settings';
const PULLS_AT_ONCE = 512;

/** A durable's config as the server shows it, which may have fields that the client does not know. */
export type ServerConfig = Partial<ConsumerConfig> & Record<string, unknown>;

/** The fields that a handler's settings decide: hosts of one deployment may differ in them for a while. */
function ownFields(spec: DurableSettings): ServerConfig {
  return {
    filter_subject: spec.subject,
    ack_wait: nanos(spec.ackWaitMs),
    max_ack_pending: spec.maxAckPending,
    description: `jetplug ${spec.owner.plugin}.${spec.owner.handler}`,
  };
}

function ownMetadata(spec: DurableSettings): Record<string, string> {
  const { plugin, handler } = spec.owner;
  return { ...markOf(spec.deployment), 'jetplug.plugin': plugin, 'jetplug.handler': handler };
}

/** The fields that are the same for every durable, with what the server has where nobody sets them. */
const CONSTANT_FIELDS: Readonly<Record<string, unknown>> = {
  // The host counts failures itself: the server's count includes deploys and lost connections.
  max_deliver: -1,
  headers_only: false,
  backoff: [],
  max_batch: 0,
  max_expires: 0,
  max_bytes: 0,
  inactive_threshold: 0,
  num_replicas: 0,
  sample_freq: '',
  priority_groups: [],
  priority_policy: '',
  priority_timeout: 0,
  rate_limit_bps: 0,
  deliver_group: '',
};

/** The server refuses to change these, or changes no more than what it shows. */
const FIXED_FIELDS: Readonly<Record<string, unknown>> = {
  ack_policy: AckPolicy.Explicit,
  replay_policy: ReplayPolicy.Instant,
  deliver_subject: '',
  flow_control: false,
  idle_heartbeat: 0,
  mem_storage: false,
  max_waiting: PULLS_AT_ONCE,
};

/** Besides the fields that are compared: the name, what only the creation uses, and the pause. */
const KNOWN_FIELDS: ReadonlySet<string> = new Set([
  ...Object.keys(CONSTANT_FIELDS),
  ...Object.keys(FIXED_FIELDS),
  'filter_subject',
  'filter_subjects',
  'ack_wait',
  'max_ack_pending',
  'description',
  'metadata',
  'name',
  'durable_name',
  'deliver_policy',
  'opt_start_seq',
  'opt_start_time',
  'pause_until',
  'direct',
]);

/** The config with which a host creates the durable. */
export function newConfig(spec: DurableSettings): ServerConfig {
  const { max_deliver } = CONSTANT_FIELDS as { max_deliver: number };
  const { ack_policy, replay_policy } = FIXED_FIELDS as Pick<ConsumerConfig, 'ack_policy' | 'replay_policy'>;
  return { ack_policy, replay_policy, max_deliver, ...ownFields(spec), metadata: metadataOf(spec) };
}

/** The config of a durable on the server with everything corrected that an update can correct. */
export function correctedConfig(spec: DurableSettings, actual: ServerConfig): ServerConfig {
  const kept = Object.entries(actual).filter(([field]) => field !== 'filter_subjects' && !(field in CONSTANT_FIELDS));
  const { max_deliver } = CONSTANT_FIELDS;
  return {
    ...Object.fromEntries(kept),
    max_deliver: max_deliver as number,
    ...ownFields(spec),
    metadata: { ...actual.metadata, ...metadataOf(spec) },
  };
}

/** Compares every field of a durable on the server with what its handler needs. */
export function differencesOf(spec: DurableSettings, actual: ServerConfig): DurableDifferences {
  const constant = changesOf(CONSTANT_FIELDS, actual);
  const own = [...changesOf(ownFields(spec), actual), ...metadataChanges(spec, actual)];
  const byOtherHost = isOfOtherHost(spec, actual);
  const correctable = byOtherHost ? constant : [...constant, ...own];
  return {
    fixed: changesOf(FIXED_FIELDS, actual).filter(isFixedChange),
    correctable,
    ofOtherHost: byOtherHost ? own : [],
    passesOver: SETTINGS in (actual.metadata ?? {}) && correctable.some((change) => passesOver(change, actual)),
    unknown: Object.keys(actual).filter((field) => !KNOWN_FIELDS.has(field)),
  };
}

/** Whether a durable with this config delivers every event of the handler until the event is settled. */
export function isComplete(spec: DurableSettings, actual: ServerConfig): boolean {
  return filterOf(actual) === spec.subject && !(Number(actual.max_deliver) > 0);
}

/** Such as `max_deliver: 3 → -1`. */
export function changeTexts(changes: readonly FieldChange[]): string[] {
  return changes
    .filter(({ field }) => changes.length === 1 || field !== `metadata ${SETTINGS}`)
    .map(({ field, from, to }) => `${field}: ${settingText(field, from)} → ${settingText(field, to)}`);
}

/** The differences in the fields that are the same for every durable, whatever its handler is. */
export function constantDifferences(actual: ServerConfig): Pick<DurableDifferences, 'fixed' | 'correctable'> {
  return {
    fixed: changesOf(FIXED_FIELDS, actual).filter(isFixedChange),
    correctable: changesOf(CONSTANT_FIELDS, actual),
  };
}

/** More pulls at a time than the host needs do no harm, and a push consumer has none. */
function isFixedChange({ field, from }: FieldChange): boolean {
  return field !== 'max_waiting' || (from !== 0 && Number(from) < PULLS_AT_ONCE);
}

function passesOver({ field, from }: FieldChange, actual: ServerConfig): boolean {
  if (field === 'max_deliver') return Number(from) > 0;
  return field === 'filter_subject' && !isAsStamped(actual);
}

function changesOf(wanted: Readonly<Record<string, unknown>>, actual: ServerConfig): FieldChange[] {
  return Object.entries(wanted).flatMap(([field, to]) => {
    const from = field === 'filter_subject' ? filterOf(actual) : (actual[field] ?? emptyLike(to));
    return JSON.stringify(from) === JSON.stringify(to) ? [] : [{ field, from, to }];
  });
}

/** The server leaves out what is not set. */
function emptyLike(value: unknown): unknown {
  if (Array.isArray(value)) return [];
  if (typeof value === 'boolean') return false;
  return typeof value === 'string' ? '' : 0;
}

/** The subjects that the durable delivers. */
export function filterOf({ filter_subject, filter_subjects }: ServerConfig): string {
  return filter_subjects && filter_subjects.length > 0 ? filter_subjects.join(',') : filter_subject || '>';
}

function metadataOf(spec: DurableSettings): Record<string, string> {
  const own = ownMetadata(spec);
  return { ...own, [SETTINGS]: stampOf({ ...ownFields(spec), metadata: own }) };
}

/** The server adds entries of its own, and operators may do so. */
function metadataChanges(spec: DurableSettings, { metadata = {} }: ServerConfig): FieldChange[] {
  return Object.entries(metadataOf(spec))
    .filter(([key, to]) => metadata[key] !== to)
    .map(([key, to]) => ({ field: `metadata ${key}`, from: metadata[key] ?? '', to }));
}

/** The settings of one host, as text. It tells a change by another host from one by an operator. */
function stampOf(config: ServerConfig): string {
  const { ack_wait, max_ack_pending, metadata = {} } = config;
  const owner = `${metadata['jetplug.plugin']}.${metadata['jetplug.handler']}`;
  return [owner, filterOf(config), ack_wait, max_ack_pending].join(' ');
}

/** Whether the settings are those that a host has given it. */
function isAsStamped(actual: ServerConfig): boolean {
  return actual.metadata?.[SETTINGS] === stampOf(actual);
}

function isOfOtherHost(spec: DurableSettings, actual: ServerConfig): boolean {
  return isAsStamped(actual) && actual.metadata?.[SETTINGS] !== metadataOf(spec)[SETTINGS];
}

const NANOSECONDS: ReadonlySet<string> = new Set([
  'ack_wait',
  'backoff',
  'max_expires',
  'inactive_threshold',
  'priority_timeout',
  'idle_heartbeat',
]);

/** A value of the server's config for people: durations in seconds. */
export function settingText(field: string, value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? 'none' : value.map((one) => settingText(field, one)).join(', ');
  if (NANOSECONDS.has(field) && typeof value === 'number') return `${value / 1e9} s`;
  return value === '' ? 'none' : String(value);
}
