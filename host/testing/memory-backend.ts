import { setImmediate as turn } from 'node:timers/promises';
import type { Config } from '../config/config';
import type { Backend } from './backend';
import { MemoryBroker } from './memory-broker';
import type { TestClock } from './test-clock';
import { VirtualTime } from './virtual-time';

/** A broker in memory, and a time that moves when it is moved or when nothing but time is waited for. */
export async function memoryBackend(config: Config, clock: TestClock): Promise<Backend> {
  const time = new VirtualTime(clock.now().getTime());
  const broker = new MemoryBroker(config, time);
  clock.drivenBy({ elapsedMs: () => time.nowMs(), move: (ms) => move(time, broker, time.nowMs() + ms) });
  return {
    clock,
    time,
    broker,
    streams: config.streams.map(({ name, subjects, duplicateWindowMs }) => ({
      name,
      subjects,
      change: 'created',
      messages: 0,
      duplicateWindowMs,
    })),
    retryNotifier: { on: (plugin, handler, listener) => broker.onDeferred(plugin, handler, listener) },
    outgoing: broker.outgoing,
    retryQueue: broker.retryQueue,
    records: broker.bucket('jetplug'),
    deadLetters: (texts) => broker.deadLetters(texts),
    sendRaw: async ({ subject, payload, headers, repeated }) => {
      const { 'Nats-Msg-Id': id, ...others } = headers;
      broker.store({ subject, payload, headers: others, repeated, ...(id !== undefined && { id }) });
    },
    letters: async () => broker.letters,
    bucket: async (plugin) => broker.bucket(`jetplug-${plugin}`),
    next: async (isRunning) => {
      await turn();
      // While a handler runs the time stands still: how long it takes is not for the kit to guess.
      return isRunning || time.step(Infinity, broker.isInHand);
    },
    stop: async () => undefined,
  };
}

async function move(time: VirtualTime, broker: MemoryBroker, untilMs: number): Promise<void> {
  do await turn();
  while (time.step(untilMs, broker.isInHand));
  await turn();
}
