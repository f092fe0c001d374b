/** Drains any number of durables in one process, by the loop of the client’s documentation or by the best loop. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Consumer } from 'nats';
import type { PlayedFields } from '../core/events';
import { burn } from '../plugins/burn';
import { consumeBest, durableOf, runProgram, printReady } from './program';

export interface LoopJob {
  readonly url: string;
  readonly stream: string;
  readonly loop: 'documented' | 'best';
  readonly durables: number;
  readonly work: keyof typeof WORK;
}

type Handle = (event: PlayedFields) => void | Promise<void>;

/** The handlers. The plugins of the same names do the same work. */
const WORK = {
  count: (): Handle => {
    const tally = meter.tally();
    return (event) => tally.handled(event.n, event.sent_ms);
  },
  keyed: (): Handle => {
    const tally = meter.tally();
    return async (event) => {
      await sleep(1);
      tally.handledInOrder(event.n, event.user_id);
    };
  },
  burn: (): Handle => () => void burn(),
};

runProgram<LoopJob>(async (nc, { stream, loop, durables, work }) => {
  const names = Array.from({ length: durables }, (_, i) => `plain-${i}`);
  const consumers = await Promise.all(names.map((name) => durableOf(nc, stream, name, loop)));
  if (loop === 'documented') for (const consumer of consumers) void documentedLoop(consumer, WORK[work]());
  else await Promise.all(consumers.map((consumer) => bestLoop(consumer, WORK[work]())));
  printReady();
});

async function documentedLoop(consumer: Consumer, handle: Handle): Promise<void> {
  for await (const message of await consumer.consume()) {
    const working = handle(message.json());
    if (working) await working;
    message.ack();
  }
}

async function bestLoop(consumer: Consumer, handle: Handle): Promise<void> {
  await consumeBest(consumer, (message) => {
    void handle(message.json());
    message.ack();
  });
}
