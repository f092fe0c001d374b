import { AckPolicy, connect, type Consumer, type JsMsg, type NatsConnection } from 'nats';

/** What the best plain loop asks of its durable and of the client. */
const MAX_ACK_PENDING = 20_000;
const MAX_MESSAGES = 5_000;

/** Runs one of the plain programs on what it was told, as JSON; tells when it has begun, and ends on SIGTERM. */
export function runProgram<Job extends { url: string }>(work: (nc: NatsConnection, job: Job) => Promise<void>): void {
  process.on('SIGTERM', () => process.exit());
  const job = JSON.parse(process.argv[2]!) as Job;
  connect({ servers: job.url, reconnect: false })
    .then((nc) => {
      // Consumers that are being served keep the process alive when its connection is gone.
      void nc.closed().then(() => process.exit(1));
      return work(nc, job);
    })
    .catch((error: unknown) => {
      console.error(error);
      process.exit(1);
    });
}

export function tellReady(): void {
  console.log(JSON.stringify({ msg: 'ready' }));
}

/** A durable that takes the stream from its beginning, unless there is one; `best`: with as many unacknowledged as its loop needs. */
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

/** The acks of one socket chunk share one write, since nothing is awaited between them. */
export async function consumeBest(consumer: Consumer, take: (message: JsMsg) => void): Promise<void> {
  await consumer.consume({ max_messages: MAX_MESSAGES, callback: take });
}
