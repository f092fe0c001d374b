import type { PubAck } from '../../../host/nats/client';
import { MessageBatches } from '../../../host/nats/message-batches';
import { AnswerLost, type BatchMessage } from '../../../host/nats/requests';

const message = (n: number): BatchMessage => ({
  subject: 'a',
  payload: String(n),
  headers: { 'Nats-Msg-Id': `m${n}` },
});
const messages = (count: number): BatchMessage[] => Array.from({ length: count }, (_, n) => message(n));
const turn = () => new Promise((resolve) => setImmediate(resolve));

/** A stream that answers when the test says so. */
class Stream {
  readonly batches: number[] = [];
  readonly singles: string[] = [];
  /** The error of the next batch. */
  refusal: Error | undefined;
  isDuplicate = false;
  private last = 0;
  private open: (() => void)[] = [];

  publish(_subject: string, payload: string | Uint8Array): Promise<PubAck> {
    this.singles.push(payload as string);
    return this.answer(() => ({ stream: 'S', seq: ++this.last, duplicate: this.isDuplicate }));
  }

  publishBatch(batch: readonly BatchMessage[]): Promise<PubAck> {
    this.batches.push(batch.length);
    const { refusal } = this;
    this.refusal = undefined;
    return this.answer(() => {
      if (refusal) throw refusal;
      this.last += batch.length;
      return { stream: 'S', seq: this.last, duplicate: false };
    });
  }

  /** Answers all requests that have arrived. */
  async settle(): Promise<void> {
    await turn();
    for (const answer of this.open.splice(0)) answer();
    await turn();
  }

  private async answer<T>(value: () => T): Promise<T> {
    await new Promise<void>((resolve) => this.open.push(resolve));
    return value();
  }
}

let stream: Stream;
let batches: MessageBatches;
beforeEach(() => {
  stream = new Stream();
  batches = new MessageBatches(stream);
});

test('few messages are published one by one', async () => {
  const sent = messages(63).map((one) => batches.publish(one));
  await stream.settle();
  expect((await Promise.all(sent)).map(({ seq }) => seq)).toEqual(messages(63).map((_, n) => n + 1));
  expect([stream.singles.length, stream.batches]).toEqual([63, []]);
});

test('many messages share a batch, and each gets its own sequence', async () => {
  const sent = messages(600).map((one) => batches.publish(one));
  await stream.settle();
  expect([stream.singles.length, stream.batches]).toEqual([0, [500, 100]]);
  await stream.settle();
  expect((await Promise.all(sent)).map(({ seq }) => seq)).toEqual(messages(600).map((_, n) => n + 1));
});

test('messages that arrive while a batch is in flight share the next one', async () => {
  const sent = messages(64).map((one) => batches.publish(one));
  await turn();
  for (const one of messages(70)) {
    sent.push(batches.publish(one));
    await Promise.resolve();
  }
  expect(stream.batches).toEqual([64]);
  await stream.settle();
  await stream.settle();
  await Promise.all(sent);
  expect([stream.singles.length, stream.batches]).toEqual([0, [64, 70]]);
});

test('while many single messages are in flight, further ones wait for a batch', async () => {
  const sent: Promise<PubAck>[] = [];
  for (const one of messages(100)) {
    sent.push(batches.publish(one));
    await turn();
  }
  expect([stream.singles.length, stream.batches]).toEqual([64, []]);
  for (const one of messages(28)) sent.push(batches.publish(one));
  await turn();
  expect([stream.singles.length, stream.batches]).toEqual([64, [64]]);
  await stream.settle();
  await Promise.all(sent);
});

test('the messages of a refused batch are published one by one', async () => {
  stream.refusal = new Error('wrong last sequence');
  const sent = messages(70).map((one) => batches.publish(one));
  await stream.settle();
  await stream.settle();
  await Promise.all(sent);
  expect([stream.singles.length, stream.batches]).toEqual([70, [70]]);
});

test('a message of a batch whose answer was lost does not count as a duplicate', async () => {
  stream.refusal = new AnswerLost();
  stream.isDuplicate = true;
  const sent = messages(70).map((one) => batches.publish(one));
  await stream.settle();
  await stream.settle();
  expect((await Promise.all(sent)).some(({ duplicate }) => duplicate)).toBe(false);
});

test('a batch ends where its payloads become large', async () => {
  const large = { ...message(0), payload: 'x'.repeat(100_000) };
  const sent = Array.from({ length: 64 }, () => batches.publish(large));
  await turn();
  expect(stream.batches).toEqual([5]);
  for (let i = 0; i < 20; i++) await stream.settle();
  await Promise.all(sent);
  expect(stream.batches.concat(stream.singles.length)).toEqual([5, 59]);
});
