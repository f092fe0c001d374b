/** Publishes events and awaits the stream’s answer to each, with a fixed number in flight. */
import { connectEventBus } from 'jetplug/client';
import type { NatsConnection } from 'nats';
import { fieldsOf, messageOf } from '../core/events';
import { Played } from '../plugins/contract';
import { AckInbox } from './ack-inbox';
import { runProgram, printReady } from './program';

export interface PublishJob {
  readonly url: string;
  readonly by: 'documented' | 'best' | 'jetplug';
  readonly subject: string;
  readonly events: number;
  readonly inFlight: number;
}

type Publish = (n: number) => Promise<unknown>;

runProgram<PublishJob>(async (nc, job) => {
  const publish = await publisherOf(nc, job);
  const tally = meter.tally();
  let next = 0;
  const publishOn = async (): Promise<void> => {
    while (next < job.events) {
      const n = next++;
      await publish(n);
      tally.handled(n);
    }
  };
  printReady();
  await Promise.all(Array.from({ length: job.inFlight }, publishOn));
});

async function publisherOf(nc: NatsConnection, { url, by, subject }: PublishJob): Promise<Publish> {
  if (by === 'jetplug') {
    const bus = await connectEventBus({ servers: url });
    return (n) => bus.publish(Played, fieldsOf(n));
  }
  if (by === 'best') {
    const inbox = new AckInbox(nc);
    return (n) => {
      const { payload, id } = messageOf(n);
      return inbox.publish(subject, payload, id);
    };
  }
  const js = nc.jetstream();
  return (n) => {
    const { payload, id } = messageOf(n);
    return js.publish(subject, payload, { msgID: id });
  };
}
