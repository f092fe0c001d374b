import type { JetStreamManager, NatsConnection } from 'nats';
import { eventually } from './eventually';

/**
 * Waits until no durable of these streams has pending or unsettled messages. Resolves with the number of deliveries.
 * Consumers without a durable name are ignored: a host that died during a search for published ids leaves one.
 */
export async function allSettled(
  jsm: JetStreamManager,
  streams: readonly string[],
  timeoutMs = 60_000,
): Promise<number> {
  return eventually(async () => {
    let deliveries = 0;
    for (const stream of streams) {
      const { state } = await jsm.streams.info(stream);
      let listed = 0;
      for await (const { config, num_pending, num_ack_pending, delivered } of jsm.consumers.list(stream)) {
        listed++;
        if (config.durable_name === undefined) continue;
        if (num_pending + num_ack_pending > 0) {
          throw new Error(`${config.durable_name}: ${num_pending} pending, ${num_ack_pending} in flight`);
        }
        deliveries += delivered.consumer_seq;
      }
      // A cluster leaves out consumers whose leader does not answer.
      if (listed < state.consumer_count) throw new Error(`${stream}: ${listed} of ${state.consumer_count} consumers`);
    }
    return deliveries;
  }, timeoutMs);
}

/** Asks the JetStream API as an operator's tool does; throws where it refuses. */
export async function askApi(nats: NatsConnection, request: string, body: object = {}): Promise<object> {
  const message = await nats.request(`$JS.API.${request}`, JSON.stringify(body));
  const answer = message.json<{ error?: object }>();
  if (answer.error) throw new Error(JSON.stringify(answer.error));
  return answer;
}

interface DurableInfo {
  readonly num_ack_pending: number;
  readonly config: Record<string, unknown>;
}

export async function durableInfo(nats: NatsConnection, stream: string, durable: string): Promise<DurableInfo> {
  return (await askApi(nats, `CONSUMER.INFO.${stream}.${durable}`)) as DurableInfo;
}

export async function durableConfig(
  nats: NatsConnection,
  stream: string,
  durable: string,
): Promise<Record<string, unknown>> {
  return (await durableInfo(nats, stream, durable)).config;
}

/** Changes these settings of a durable, as an operator does. */
export async function editDurable(
  nats: NatsConnection,
  stream: string,
  durable: string,
  changes: object,
): Promise<void> {
  const present = await durableConfig(nats, stream, durable);
  const config: { filter_subject?: string } = { ...present, ...changes };
  const filter = config.filter_subject === undefined ? '' : `.${config.filter_subject}`;
  const body = { stream_name: stream, action: 'update', config };
  await askApi(nats, `CONSUMER.CREATE.${stream}.${durable}${filter}`, body);
}
