import type { EventContract } from '../../sdk/internal';
import { fieldsSchemaOf } from '../../host/load/json-schema';
import { parseContractRecord, type ContractRecord } from '../../host/plugin/contract-record';

interface RecordOptions {
  readonly version?: string;
  /** Contracts that a handler takes, by name; a text is a raw subject. */
  readonly handles?: Readonly<Record<string, EventContract | string>>;
  /** Contracts that the plugin publishes, by name; a text is a subject without a contract. */
  readonly publishes?: Readonly<Record<string, EventContract | string>>;
}

/** The record that a host publishes for a plugin with these events. */
export function contractRecord(plugin: string, { version = 'v1', handles = {}, publishes = {} }: RecordOptions = {}) {
  const contracts: object[] = [];
  const indexOf = (name: string, event: EventContract | string): number | null =>
    typeof event === 'string'
      ? null
      : contracts.push({ name, subject: event.subject, ...fieldsSchemaOf(event.schema) }) - 1;
  const subjectOf = (event: EventContract | string) => (typeof event === 'string' ? event : event.subject);
  const handlers = Object.entries(handles).map(([name, event]) => ({
    name: name.toLowerCase(),
    subject: subjectOf(event),
    contract: indexOf(name, event),
    ...{ stream: 'EVENTS', ackWait: '15s', maxAckPending: 5_000 },
    deadLetters: { stream: 'DEAD', subject: `dead.${plugin}.${name.toLowerCase()}.EVENTS.*` },
    options: {
      ...{ durable: `${plugin}-${name.toLowerCase()}`, from: 'new', concurrency: 8, timeout: '30s' },
      ...{ key: null, batch: null, 'retry.attempts': 5, 'retry.backoff': ['1s', '5s'] },
    },
  }));
  const published = Object.entries(publishes).map(([name, event]) => ({
    subject: subjectOf(event),
    contract: indexOf(name, event),
    stream: null,
  }));
  const record = { format: 1, plugin, version, isolation: 'inline', contracts, handlers, publishes: published };
  return parseContractRecord(JSON.stringify(record)) satisfies ContractRecord;
}
