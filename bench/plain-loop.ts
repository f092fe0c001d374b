/** A program that drains by one of the client's own loops: `plain-loop.js documented|best <url> <stream> <durable>`. */
import { AckPolicy, connect, type Consumer, type JsMsg } from 'nats';

const MAX_ACK_PENDING = 20_000;
const MAX_MESSAGES = 5_000;

async function main(loop: string, servers: string, stream: string, durable: string): Promise<void> {
  process.on('SIGTERM', () => process.exit());
  const nc = await connect({ servers, reconnect: false });
  // A loop that is being served keeps the process alive when its connection is gone.
  void nc.closed().then(() => process.exit(1));
  const best = loop === 'best';
  const jsm = await nc.jetstreamManager();
  await jsm.consumers.add(stream, {
    durable_name: durable,
    ack_policy: AckPolicy.Explicit,
    ...(best && { max_ack_pending: MAX_ACK_PENDING }),
  });
  const consumer = await nc.jetstream().consumers.get(stream, durable);
  await (best ? bestLoop(consumer) : documentedLoop(consumer));
}

async function documentedLoop(consumer: Consumer): Promise<void> {
  for await (const message of await consumer.consume()) {
    handle(message);
    message.ack();
  }
}

/** The acks of one socket chunk share one write, since nothing is awaited between them. */
async function bestLoop(consumer: Consumer): Promise<void> {
  await consumer.consume({
    max_messages: MAX_MESSAGES,
    callback: (message) => {
      handle(message);
      message.ack();
    },
  });
}

function handle(message: JsMsg): void {
  const { position_s } = message.json<{ position_s: number }>();
  if (position_s < 1) throw new Error(`not an event of the benchmark: ${message.string()}`);
}

void main(...(process.argv.slice(2) as [string, string, string, string]));
