/** The best loop for async handlers that take the events of each key in order, 64 keys at a time. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { JsMsg } from 'nats';
import type { PlayedFields } from '../core/events';
import { consumeBest, durableOf, runProgram, printReady } from './program';

interface Work {
  readonly message: JsMsg;
  readonly event: PlayedFields;
}

const CONCURRENCY = 64;

const tally = meter.tally();
/** The events that wait for an earlier one of their key, which is ready or runs. */
const behind = new Map<string, Work[]>();
const ready: Work[] = [];
let running = 0;

runProgram<{ url: string; stream: string }>(async (nc, { stream }) => {
  await consumeBest(await durableOf(nc, stream, 'plain', 'best'), (message) => {
    const work = { message, event: message.json<PlayedFields>() };
    const others = behind.get(work.event.user_id);
    if (others) return void others.push(work);
    behind.set(work.event.user_id, []);
    ready.push(work);
    startNext();
  });
  printReady();
});

function startNext(): void {
  while (running < CONCURRENCY && ready.length > 0) void run(ready.shift()!);
}

async function run({ message, event }: Work): Promise<void> {
  running++;
  await sleep(1);
  tally.handledInOrder(event.n, event.user_id);
  message.ack();
  running--;
  const next = behind.get(event.user_id)!.shift();
  if (next) ready.push(next);
  else behind.delete(event.user_id);
  startNext();
}
