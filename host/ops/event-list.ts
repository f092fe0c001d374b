import { covers, isPublishSubject } from '../../sdk/internal';
import type { Config } from '../config/config';
import type { JsonSchema } from '../load/json-schema';
import type { Connection } from '../nats/connection';
import { subjectCounts } from '../nats/subject-counts';
import { readContracts } from './contract-records';
import { catalogueOf, type EventCatalogue } from './event-catalogue';
import { eventStreams } from './event-streams';

/** A kind of event, with those who publish and handle it. */
export interface ListedEvent {
  readonly subject: string;
  readonly description?: string;
  /** The JSON Schema of the fields, if a contract is known. */
  readonly schema?: JsonSchema;
  readonly publishers: readonly string[];
  readonly subscribers: readonly { readonly plugin: string; readonly handler: string }[];
  /** The number of stored events; absent if it is not known. */
  readonly stored?: number;
}

/** Lists the events of all plugins, by subject, from the records that hosts have published. */
export async function listEvents(connection: Connection, config: Config): Promise<ListedEvent[]> {
  const catalogue = catalogueOf((await readContracts(connection)).records);
  const counts = await storedCounts(connection, config);
  return subjectsOf(catalogue).map((subject) => {
    const contract = catalogue.messages.find((message) => message.contract.subject === subject)?.contract;
    const stored = counts && (counts.get(subject) ?? 0);
    return {
      subject,
      ...(contract?.description !== undefined && { description: contract.description }),
      ...(contract && { schema: contract.schema }),
      publishers: [
        ...new Set(catalogue.publications.filter((one) => one.subject === subject).map(({ record }) => record.plugin)),
      ],
      subscribers: catalogue.handlers
        .filter(({ handler }) => covers(handler.subject, subject))
        .map(({ record, handler }) => ({ plugin: record.plugin, handler: handler.name })),
      ...(stored !== undefined && { stored }),
    };
  });
}

/** The subjects of contracts, publications and handlers. A subject with wildcards is no kind of event. */
function subjectsOf({ messages, publications, handlers }: EventCatalogue): string[] {
  const all = [
    ...messages.map(({ contract }) => contract.subject),
    ...publications.map(({ subject }) => subject),
    ...handlers.map(({ handler }) => handler.subject),
  ];
  return [...new Set(all)].filter(isPublishSubject).sort();
}

/** Counts the stored events by subject; undefined if a stream has too many subjects to list. */
async function storedCounts(connection: Connection, config: Config): Promise<Map<string, number> | undefined> {
  const all = new Map<string, number>();
  for (const stream of await eventStreams(connection, config)) {
    const counted = await subjectCounts(connection, stream);
    if (counted.kind !== 'counts') return undefined;
    for (const [subject, count] of counted.counts) all.set(subject, (all.get(subject) ?? 0) + count);
  }
  return all;
}
