import { setImmediate as turn } from 'node:timers/promises';
import type { Config } from '../config/config';
import type { Backend } from './backend';
import { MemoryBroker } from './memory-broker';
import type { TestClock } from './test-clock';
import { VirtualTime } from './virtual-time';

/** Makes a backend in memory. Its time moves when a test moves it, or when the host waits for nothing else. */
export async function memoryBackend(config: Config, clock: TestClock): Promise<Backend> {
  const time = new VirtualTime(clock.now().getTime());
  const broker = new MemoryBroker(config, time);
  const records = broker.bucket('jetplug');
  clock.drivenBy({ elapsedMs: () => time.nowMs(), move: (ms) => move(time, broker, time.nowMs() + ms) });
  return {
    clock,
    time,
    broker,
    records,
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
    deadLetters: broker.deadLetters,
    sendRaw: async ({ subject, payload, headers, repeated }) => {
      const { 'Nats-Msg-Id': id, ...others } = headers;
      broker.store({ subject, payload, headers: others, repeated, ...(id !== undefined && { id }) });
    },
    letters: async () => broker.letters,
    next: async (isRunning) => {
      await turn();
      // While a handler runs the time stands still, because the kit cannot know how long the handler takes.
      return isRunning || time.step(Infinity, broker.isInFlight);
    },
    stop: async () => undefined,
  };
}

async function move(time: VirtualTime, broker: MemoryBroker, untilMs: number): Promise<void> {
  do await turn();
  while (time.step(untilMs, broker.isInFlight));
  await turn();
}
