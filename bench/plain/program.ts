import { AckPolicy, connect, type Consumer, type JsMsg, type NatsConnection } from 'nats';

/** The settings of the best plain loop for its durable and for the client. */
const MAX_ACK_PENDING = 20_000;
const MAX_MESSAGES = 5_000;

/** Runs a plain program on its job, which is JSON in its first argument. The program ends on SIGTERM. */
export function runProgram<Job extends { url: string }>(work: (nc: NatsConnection, job: Job) => Promise<void>): void {
  process.on('SIGTERM', () => process.exit());
  const job = JSON.parse(process.argv[2]!) as Job;
  connect({ servers: job.url, reconnect: false })
    .then((nc) => {
      // Consumers keep the process alive after the connection is closed.
      void nc.closed().then(() => process.exit(1));
      return work(nc, job);
    })
    .catch((error: unknown) => {
      console.error(error);
      process.exit(1);
    });
}

export function printReady(): void {
  console.log(JSON.stringify({ msg: 'ready' }));
}

/** Gets or makes a durable that starts at the beginning of the stream; `best` sets the max_ack_pending that its loop needs. */
export async function durableOf(
  nc: NatsConnection,
  stream: string,
  durable: string,
  loop: 'documented' | 'best',
): Promise<Consumer> {
  const { consumers } = nc.jetstream();
  return consumers.get(stream, durable).catch(async () => {
    const jsm = await nc.jetstreamManager({ checkAPI: false });
    await jsm.consumers.add(stream, {
      durable_name: durable,
      ack_policy: AckPolicy.Explicit,
      ...(loop === 'best' && { max_ack_pending: MAX_ACK_PENDING }),
    });
    return consumers.get(stream, durable);
  });
}

/** The acks of the messages in one socket chunk share one write, because nothing is awaited between them. */
export async function consumeBest(
  consumer: Consumer,
  take: (message: JsMsg) => void,
  maxMessages = MAX_MESSAGES,
): Promise<void> {
  await consumer.consume({ max_messages: maxMessages, callback: take });
}
