import { createHash } from 'node:crypto';
import type { CatalogueMessage, EventCatalogue, HandledEvent, PublishedEvent } from '../ops/event-catalogue';
import { openPayload, payloadSchemas, type Schemas } from '../ops/payload-schema';

type Members = Record<string, unknown>;

const SCHEMAS_AT = '#/components/schemas';
/** The message of a subject without a contract. No contract has this name, because a class name has no dot. */
const ANY = 'any.event';

/** Writes an AsyncAPI 3.1 document. The same catalogue always gives the same document. */
export function asyncApiOf(catalogue: EventCatalogue, title: string): object {
  const { messages, handlers, publications, warnings } = catalogue;
  const hasAny = [...handlers, ...publications].some(({ takesAny }) => takesAny);
  const channels = new Channels();
  const operations: Members = {};
  for (const handled of handlers) addOperation(operations, receive(handled, channels));
  for (const published of publications) addOperation(operations, send(published, channels));
  const parts = {
    channels: channels.all,
    operations,
    components: {
      messages: { ...Object.fromEntries(messages.map(messageEntry)), ...(hasAny && { [ANY]: anyMessage() }) },
      schemas: { ...schemasOf(messages, SCHEMAS_AT), ...(hasAny && { [ANY]: openPayload() }) },
    },
  };
  return {
    asyncapi: '3.1.0',
    info: {
      title,
      version: createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 12),
      description: [
        'The events that the plugins of this deployment handle and publish, written by `jetplug docs`. The version is a hash of the contents.',
        ...warnings.map((warning) => `Warning: ${warning}.`),
      ].join('\n\n'),
    },
    defaultContentType: 'application/json',
    ...parts,
  };
}

/** Writes one JSON Schema document with a definition for each event. */
export function jsonSchemasOf({ messages }: EventCatalogue, title: string): object {
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title,
    definitions: schemasOf(messages, '#/definitions'),
  };
}

function schemasOf(messages: readonly CatalogueMessage[], at: string): Schemas {
  return Object.assign({}, ...messages.map(({ key, contract }) => payloadSchemas(contract, key, at))) as Schemas;
}

function messageEntry({ key, contract }: CatalogueMessage): [string, object] {
  const { name, description, subject } = contract;
  const about = description === undefined ? {} : { summary: description };
  return [key, { name: subject, title: name, ...about, payload: { $ref: `${SCHEMAS_AT}/${key}` } }];
}

function anyMessage(): object {
  return { title: 'An event without a contract', payload: { $ref: `${SCHEMAS_AT}/${ANY}` } };
}

interface Operation {
  readonly id: string;
  readonly content: object;
}

function receive(handled: HandledEvent, channels: Channels): Operation {
  const { record, handler } = handled;
  const { plugin, version, isolation, description } = record;
  const { durable, from, concurrency, timeout, key, batch, rate } = handler.options;
  return {
    id: `${plugin}.${handler.name}`,
    content: {
      action: 'receive',
      ...channels.use(handler.subject, handler.stream, handled),
      ...(description !== undefined && { summary: description }),
      tags: [{ name: plugin }],
      'x-jetstream': {
        ...{ plugin, version, isolation, stream: handler.stream, subject: handler.subject, durable, from },
        ackWait: handler.ackWait,
        maxAckPending: handler.maxAckPending,
        ...{ concurrency, timeout },
        retry: { attempts: handler.options['retry.attempts'], backoff: handler.options['retry.backoff'] },
        deadLetters: handler.deadLetters,
        ...{ key, batch, rate },
      },
    },
  };
}

function send(published: PublishedEvent, channels: Channels): Operation {
  const { record, subject, stream } = published;
  return {
    id: `${record.plugin}.publishes.${idOf(subject)}`,
    content: {
      action: 'send',
      ...channels.use(subject, stream, published),
      tags: [{ name: record.plugin }],
      'x-jetstream': { plugin: record.plugin, version: record.version, stream, subject },
    },
  };
}

/** Adds the operation. A plugin that publishes two contracts on one subject has two operations there. */
function addOperation(operations: Members, { id, content }: Operation): void {
  operations[uniqueIn(operations, id)] = content;
}

interface Channel {
  readonly id: string;
  readonly messages: Members;
}

/** The channels, one for each subject. */
class Channels {
  private readonly bySubject = new Map<string, Channel>();
  readonly all: Members = {};

  /** Adds the messages to the channel of the subject, and returns the references of an operation to them. */
  use(subject: string, stream: string | null, { messages, takesAny }: Pick<HandledEvent, 'messages' | 'takesAny'>) {
    const channel = this.bySubject.get(subject) ?? this.add(subject, stream);
    const keys = [...messages.map(({ key }) => key), ...(takesAny ? [ANY] : [])];
    for (const key of keys) channel.messages[key] = { $ref: `#/components/messages/${key}` };
    const at = `#/channels/${channel.id}`;
    return { channel: { $ref: at }, messages: keys.map((key) => ({ $ref: `${at}/messages/${key}` })) };
  }

  private add(subject: string, stream: string | null): Channel {
    const channel: Channel = { id: uniqueIn(this.all, idOf(subject)), messages: {} };
    const { address, parameters } = addressOf(subject);
    this.all[channel.id] = {
      address,
      ...(stream === null && { description: 'No stream of the config holds this subject.' }),
      ...(Object.keys(parameters).length > 0 && { parameters }),
      messages: channel.messages,
      'x-jetstream': { stream, subject },
    };
    this.bySubject.set(subject, channel);
    return channel;
  }
}

/** The address of a channel: the subject, with a parameter for each wildcard. */
function addressOf(subject: string): { address: string; parameters: Members } {
  const parameters: Members = {};
  const tokens = subject.split('.').map((token, i) => {
    if (token === '*') parameters[`token${i + 1}`] = { description: 'One token of the subject, without a dot.' };
    else if (token === '>')
      parameters['rest'] = { description: 'One or more tokens of the subject, with dots between.' };
    // A brace would begin a parameter. `x-jetstream` has the subject as it is.
    else return token.replace(/[{}]/g, encodeURIComponent);
    return token === '*' ? `{token${i + 1}}` : '{rest}';
  });
  return { address: tokens.join('.'), parameters };
}

/** Makes a name that fits AsyncAPI's pattern for names, and needs no escapes in a reference. */
function idOf(subject: string): string {
  return subject
    .replaceAll('*', 'any')
    .replaceAll('>', 'all')
    .replace(/[^\w.-]/g, '_');
}

function uniqueIn(taken: Members, id: string): string {
  let unique = id;
  for (let n = 2; unique in taken; n++) unique = `${id}-${n}`;
  return unique;
}
