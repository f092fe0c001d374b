import { formatDuration } from '../../sdk/internal';
import { streamFor } from '../broker/stream-state';
import type { Config } from '../config/config';
import type { HandlerDefinition, PluginDefinition } from '../load/describe';
import { HANDLER_OPTIONS, type OptionName } from '../load/handler-options';
import { mapValues } from '../load/option-layers';
import { openSchema } from '../load/json-schema';
import type { DescribedContract, PublishedSubject } from '../load/plugin-events';

/**
 * The contracts and handlers of a plugin, as the host keeps them in its bucket for `jetplug docs`. Hosts with the same
 * files and the same config write the same text.
 */
export interface ContractRecord {
  /** The version of this layout. A reader refuses any other one. */
  readonly format: typeof FORMAT;
  readonly plugin: string;
  readonly version: string;
  readonly description?: string;
  readonly isolation: string;
  readonly contracts: readonly DescribedContract[];
  readonly handlers: readonly HandlerRecord[];
  readonly publishes: readonly (PublishedSubject & { readonly stream: string | null })[];
}

export interface HandlerRecord {
  readonly name: string;
  readonly subject: string;
  /** The index of the contract in `contracts`; null for a handler on a raw subject. */
  readonly contract: number | null;
  /** The stream that holds the subject; null where the config has none. */
  readonly stream: string | null;
  readonly ackWait: string;
  readonly maxAckPending: number;
  readonly deadLetters: { readonly stream: string; readonly subject: string };
  /** The options of the handler, by name, as `jetplug plugins NAME` shows them. */
  readonly options: Readonly<Record<OptionName, unknown>>;
}

const FORMAT = 1;

/** The key of a plugin's record in the host's bucket is `contracts.<plugin>`. */
export const CONTRACTS_KEY = 'contracts';

/**
 * The limit of all JSON Schemas in one record, in bytes. With the rest of the record they fit into a message, which
 * has 1 MiB by default.
 */
const MAX_SCHEMAS = 512 * 1024;

type RecordConfig = Pick<Config, 'streams' | 'delivery' | 'deadLetters'>;

/** Makes the record of a plugin. */
export function contractRecordOf(plugin: PluginDefinition, config: RecordConfig): ContractRecord {
  const { name, version, description, events, isolation } = plugin;
  return {
    format: FORMAT,
    plugin: name,
    version,
    ...(description !== undefined && { description }),
    isolation: isolation.isolation,
    contracts: withinLimit(events.contracts),
    handlers: plugin.handlers.map((handler, i) => handlerRecord(name, handler, events.handled[i] ?? null, config)),
    publishes: events.published.map((one) => ({ ...one, stream: streamFor(config.streams, one.subject) ?? null })),
  };
}

/**
 * Reads a record.
 * @throws Error with the reason, if the text is no record or has another layout
 */
export function parseContractRecord(text: string): ContractRecord {
  const record = JSON.parse(text) as Partial<ContractRecord> | null;
  if (record?.format !== FORMAT) throw new Error(`its format is ${JSON.stringify(record?.format)}, not ${FORMAT}`);
  const { plugin, contracts, handlers, publishes } = record;
  if (typeof plugin !== 'string' || ![contracts, handlers, publishes].every(Array.isArray))
    throw new Error('it is not the record of a plugin');
  return record as ContractRecord;
}

/**
 * Whether a host need not write its record. A schema may compute a default, such as the current time, so the defaults
 * of two records of one version may differ.
 */
export function isSameRecord(stored: string | undefined, next: string): boolean {
  return stored === next || (stored !== undefined && withoutDefaults(stored) === withoutDefaults(next));
}

/**
 * Whether the contracts of a version may differ from those of the stored record. A JSON Schema shows neither a custom
 * check nor an `upcast`, so any other source text of the plugin counts as a difference.
 */
export function contractsMayDiffer(stored: ContractRecord, next: ContractRecord): boolean {
  if (stored.version !== next.version) return true;
  return withoutDefaults(JSON.stringify(stored.contracts)) !== withoutDefaults(JSON.stringify(next.contracts));
}

function withoutDefaults(text: string): string | undefined {
  try {
    return JSON.stringify(JSON.parse(text, (key, value: unknown) => (key === 'default' ? null : value)));
  } catch {
    return undefined; // Another program has written the key. The host replaces that text.
  }
}

/** Replaces the largest schemas by open objects until the others are within the limit. */
function withinLimit(contracts: readonly DescribedContract[]): DescribedContract[] {
  const sizes = contracts.map((contract) => Buffer.byteLength(JSON.stringify(contract.schema)));
  const bySize = contracts.map((_, index) => index).sort((a, b) => sizes[a]! - sizes[b]!);
  let total = 0;
  const kept = new Set(bySize.filter((index) => (total += sizes[index]!) <= MAX_SCHEMAS));
  return contracts.map((contract, index) =>
    kept.has(index)
      ? contract
      : { ...contract, ...openSchema(`its JSON Schema of ${sizes[index]} bytes is too large to be published`) },
  );
}

function handlerRecord(
  plugin: string,
  handler: HandlerDefinition,
  contract: number | null,
  { streams, delivery, deadLetters }: RecordConfig,
): HandlerRecord {
  const { name, subject } = handler;
  const stream = streamFor(streams, subject);
  return {
    name,
    subject,
    contract,
    stream: stream ?? null,
    ackWait: formatDuration(delivery.ackWaitMs),
    maxAckPending: delivery.maxAckPending,
    deadLetters: {
      stream: deadLetters.stream,
      subject: `dead.${plugin}.${name}.${stream === undefined ? '>' : `${stream}.*`}`,
    },
    options: mapValues(HANDLER_OPTIONS, (option) => option.show(handler)),
  };
}
