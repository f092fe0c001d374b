import { covers } from '../../sdk/internal';
import type { DescribedContract } from '../load/plugin-events';
import type { ContractRecord, HandlerRecord } from '../plugin/contract-record';

/** Everything that the plugins of a deployment handle and publish. */
export interface EventCatalogue {
  /** The contracts, each once. */
  readonly messages: readonly CatalogueMessage[];
  readonly handlers: readonly HandledEvent[];
  readonly publications: readonly PublishedEvent[];
  /** The subjects on which plugins have different contracts, in words. */
  readonly warnings: readonly string[];
}

/** A contract, under a name that no other contract of the catalogue has. */
export interface CatalogueMessage {
  readonly key: string;
  readonly contract: DescribedContract;
  /** The names of the plugins that have this contract. */
  readonly plugins: Set<string>;
}

export interface HandledEvent {
  readonly record: ContractRecord;
  readonly handler: HandlerRecord;
  /** The contracts of the events that the handler may get; empty if none is known. */
  readonly messages: readonly CatalogueMessage[];
  /** Whether the handler also takes events without a contract. */
  readonly takesAny: boolean;
}

export interface PublishedEvent {
  readonly record: ContractRecord;
  readonly subject: string;
  readonly stream: string | null;
  readonly messages: readonly CatalogueMessage[];
  readonly takesAny: boolean;
}

/** Merges the records of the plugins. A contract that several plugins share becomes one message. */
export function catalogueOf(unordered: readonly ContractRecord[]): EventCatalogue {
  const records = [...unordered].sort((a, b) => (a.plugin < b.plugin ? -1 : 1));
  const known = new Map<string, CatalogueMessage>();
  const keys = new Set<string>();
  for (const { plugin, contracts } of records) {
    for (const contract of contracts) {
      const identity = JSON.stringify([contract.subject, contract.schema, contract.notes]);
      const message = known.get(identity) ?? { key: uniqueKey(contract.name, keys), contract, plugins: new Set() };
      known.set(identity, message);
      message.plugins.add(plugin);
    }
  }
  const messages = [...known.values()];
  const messageOf = (contract: DescribedContract): CatalogueMessage =>
    known.get(JSON.stringify([contract.subject, contract.schema, contract.notes]))!;
  const on = (subject: string): CatalogueMessage[] =>
    messages.filter(({ contract }) => covers(subject, contract.subject));
  const namedOr = (record: ContractRecord, index: number | null, subject: string) => {
    const contract = index === null ? undefined : record.contracts[index];
    return contract ? { messages: [messageOf(contract)], takesAny: false } : { messages: on(subject), takesAny: true };
  };
  return {
    messages,
    handlers: records.flatMap((record) =>
      record.handlers.map((handler) => ({ record, handler, ...namedOr(record, handler.contract, handler.subject) })),
    ),
    publications: records.flatMap((record) =>
      record.publishes.map(({ subject, stream, contract }) => ({
        ...{ record, subject, stream },
        ...namedOr(record, contract, subject),
      })),
    ),
    warnings: differencesIn(messages),
  };
}

/** A name that fits AsyncAPI's pattern for names, and no other message has. */
function uniqueKey(name: string, taken: Set<string>): string {
  const base = name.replace(/[^\w-]/g, '_') || 'Event';
  let key = base;
  for (let n = 2; taken.has(key); n++) key = `${base}-${n}`;
  taken.add(key);
  return key;
}

function differencesIn(messages: readonly CatalogueMessage[]): string[] {
  const bySubject = new Map<string, CatalogueMessage[]>();
  for (const message of messages) {
    const { subject } = message.contract;
    bySubject.set(subject, [...(bySubject.get(subject) ?? []), message]);
  }
  return [...bySubject].flatMap(([subject, found]) => {
    if (found.length < 2) return [];
    const listed = found.map(({ key, plugins }) => `${key} (${[...plugins].join(', ')})`);
    return [`${subject} has ${found.length} different contracts: ${listed.join(', ')}`];
  });
}
