/** Reads streams and buckets without the host's code. */
import type { JsMsg, NatsConnection } from 'nats';
import { unescapeKey } from '../../host/effects/store-keys';
import { logStreamName } from '../../host/nats/wanted-streams';
import { CHECKPOINT_KEY } from '../../host/records/commits/checkpoint';
import { eventually } from './eventually';

export interface StoredMessage {
  readonly subject: string;
  readonly sequence: number;
  /** When the stream stored it, in milliseconds since 1970. */
  readonly storedAtMs: number;
  /** Its `Nats-Msg-Id`; empty where it has none. */
  readonly id: string;
  readonly bytes: Uint8Array;
  text(): string;
  json<T>(): T;
  /** Empty where it has none by that name. */
  header(name: string): string;
}

const BATCH = 1_000;
/** Keys of the host itself in a plugin's bucket. An escape in a key has upper-case digits. */
const HOSTS_OWN = /^=[a-z]/;
const NANOS_PER_MS_DIGITS = 6;

/**
 * All messages of a stream, oldest first, with those that it gets meanwhile. In a cluster, one server after the other learns
 * of the consumer that reads them; until then nobody responds to a request.
 */
export async function readStream(nats: NatsConnection, stream: string): Promise<StoredMessage[]> {
  return eventually(() => readNow(nats, stream));
}

async function readNow(nats: NatsConnection, stream: string): Promise<StoredMessage[]> {
  const jsm = await nats.jetstreamManager();
  const { state } = await jsm.streams.info(stream);
  const messages: StoredMessage[] = [];
  if (state.messages === 0) return messages;
  const consumer = await nats.jetstream().consumers.get(stream);
  for (let more = true; more;) {
    more = false;
    for await (const message of await consumer.fetch({ max_messages: BATCH, expires: 5_000 })) {
      messages.push(storedMessage(message));
      more = message.info.pending > 0;
      if (!more) break;
    }
  }
  await consumer.delete();
  if (messages.length < state.messages) {
    throw new Error(`${stream} has ${state.messages} messages; ${messages.length} could be read`);
  }
  return messages;
}

/** The values of a plugin's store, as `key`, or `scope/key` where they are in a scope. */
export async function readStore(nats: NatsConnection, plugin: string): Promise<Record<string, unknown>> {
  const prefix = `$KV.jetplug-${plugin}.`;
  await bucketIsFilled(nats, plugin);
  const all = await readStream(nats, `KV_jetplug-${plugin}`);
  // A deleted key leaves a delete marker.
  const values = all.filter(
    ({ header, subject }) => header('KV-Operation') === '' && !HOSTS_OWN.test(subject.slice(prefix.length)),
  );
  return Object.fromEntries(
    values.map(({ subject, json }) => {
      const { scope, key } = unescapeKey(subject.slice(prefix.length));
      return [scope === undefined ? key : `${scope}/${key}`, json()];
    }),
  );
}

/** Waits until the plugin's bucket has the values of all commits. A host must run. */
export async function bucketIsFilled(nats: NatsConnection, plugin: string): Promise<void> {
  const { streams } = await nats.jetstreamManager();
  const checkpoint = `$KV.jetplug-${plugin}.${CHECKPOINT_KEY}`;
  await eventually(async () => {
    const { state } = await streams.info(logStreamName(plugin));
    if (state.last_seq === 0) return true;
    const stored = await streams.getMessage(`KV_jetplug-${plugin}`, { last_by_subj: checkpoint });
    return stored.json<{ n: number }>().n >= state.last_seq;
  });
}

function storedMessage(message: JsMsg): StoredMessage {
  return {
    subject: message.subject,
    sequence: message.seq,
    storedAtMs: storedAtMs(message),
    id: message.headers?.get('Nats-Msg-Id') ?? '',
    bytes: message.data,
    text: () => message.string(),
    json: <T>() => message.json<T>(),
    header: (name) => message.headers?.get(name) ?? '',
  };
}

/** From the subject for its ack: as a number the nanoseconds would not be exact. */
function storedAtMs({ reply }: JsMsg & { readonly reply?: string }): number {
  const tokens = (reply ?? '').split('.');
  return Number(tokens.at(tokens.length > 9 ? 9 : 7)!.slice(0, -NANOS_PER_MS_DIGITS));
}
