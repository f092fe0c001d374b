import type { PullSink } from '../../../host/broker/pull';
import { MemoryDurable } from '../../../host/testing/memory-durable';
import { MemoryPull } from '../../../host/testing/memory-pull';
import { MemoryStream } from '../../../host/testing/memory-stream';
import { VirtualTime } from '../../../host/testing/virtual-time';

function bench() {
  const time = new VirtualTime(0);
  const stream = new MemoryStream({ name: 'EVENTS', subjects: ['orders.>'], duplicateWindowMs: 0 }, time);
  const durable = new MemoryDurable(
    stream,
    {
      stream: 'EVENTS',
      durable: 'shop-take',
      subject: 'orders.>',
      from: 'beginning',
      ackWaitMs: 30_000,
      maxAckPending: 100,
      owner: { plugin: 'shop', handler: 'take' },
      deployment: 'jetplug',
    },
    time,
  );
  durable.start();
  const sequences: number[] = [];
  const state = { capacity: 10 };
  const unused = (): never => {
    throw new Error('a pull in memory does not call this');
  };
  const sink: PullSink = {
    capacity: () => state.capacity - sequences.length,
    deliver: ({ sequence }) => sequences.push(sequence),
    ...{ gone: unused, returned: unused, trouble: unused, refused: unused, served: unused },
  };
  const pull = new MemoryPull(durable, sink);
  const publish = (): void => void stream.append({ subject: 'orders.placed', payload: Buffer.from('{}'), headers: {} });
  const delivered = async (): Promise<number[]> => {
    await new Promise((resolve) => setImmediate(resolve));
    return sequences;
  };
  return { pull, publish, delivered, state };
}

test('a pull delivers as many messages as its sink has capacity for', async () => {
  const { pull, publish, delivered, state } = bench();
  state.capacity = 1;
  pull.start();
  publish();
  publish();
  expect(await delivered()).toEqual([1]);
  state.capacity = 2;
  pull.request();
  expect(await delivered()).toEqual([1, 2]);
});

test('a paused pull delivers one message for a probe, and all after resume', async () => {
  const { pull, publish, delivered } = bench();
  pull.start();
  pull.pause();
  for (let i = 0; i < 3; i++) publish();
  expect(await delivered()).toEqual([]);
  pull.probe();
  expect(await delivered()).toEqual([1]);
  pull.resume();
  expect(await delivered()).toEqual([1, 2, 3]);
});

test('a suspended pull delivers nothing until its durable is found', async () => {
  const { pull, publish, delivered } = bench();
  pull.start({ suspended: true });
  publish();
  expect(await delivered()).toEqual([]);
  pull.found();
  expect(await delivered()).toEqual([1]);
  pull.suspend();
  publish();
  expect(await delivered()).toEqual([1]);
});

test('a pull delivers nothing before its start and after its stop', async () => {
  const { pull, publish, delivered } = bench();
  publish();
  pull.request();
  expect(await delivered()).toEqual([]);
  pull.start();
  expect(await delivered()).toEqual([1]);
  await pull.stop();
  publish();
  expect(await delivered()).toEqual([1]);
});
