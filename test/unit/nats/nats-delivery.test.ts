import type { Msg } from 'nats';
import { AckWriter } from '../../../host/nats/ack-writer';
import { DeliverySource, NatsDelivery } from '../../../host/nats/nats-delivery';

const NUMBERS = '3.70001.12.1778587200123456789.95';

/** A message as the client hands it out, with the fields in which it keeps the header block. */
function messageOf(reply: string, block?: string): Msg {
  const bytes = Buffer.from(`${block ?? ''}{}`);
  const hdr = block === undefined ? -1 : Buffer.byteLength(block);
  return { reply, subject: 'a.b', data: bytes, _msg: { hdr }, _rdata: new Uint8Array(bytes) } as unknown as Msg;
}

function sourceOf(published: string[] = []): DeliverySource {
  return new DeliverySource(new AckWriter((commands) => void published.push(...read(commands))));
}

/** The subject and the payload of each command, of which the server reads as much as it says. */
function read(commands: string): string[] {
  const [, subject, size, rest] = /^PUB (\S+) (\d+)\r\n(.*)$/s.exec(commands)!;
  const bytes = Buffer.from(rest!);
  const payload = bytes.subarray(0, Number(size)).toString();
  const after = bytes.subarray(Number(size)).toString();
  expect(after.startsWith('\r\n')).toBe(true);
  return [`${subject} ${payload}`, ...(after.length > 2 ? read(after.slice(2)) : [])];
}

function headersOf(block: string): Record<string, string> {
  return { ...new NatsDelivery(messageOf(`$JS.ACK.S.d.${NUMBERS}`, block), sourceOf()).headers() };
}

test.each([
  ['of older servers', `$JS.ACK.EVENTS.badge-award.${NUMBERS}`],
  ['of newer servers', `$JS.ACK._.ABCD.EVENTS.badge-award.${NUMBERS}`],
  ['with a token more at the end', `$JS.ACK.hub.ABCD.EVENTS.badge-award.${NUMBERS}.xyz`],
])('what a delivery is stands in the acknowledgement’s subject: %s', (_, reply) => {
  const delivery = new NatsDelivery(messageOf(reply), sourceOf());
  expect(delivery).toMatchObject({ stream: 'EVENTS', deliveryCount: 3, sequence: 70_001, consumerSequence: 12 });
  expect(delivery.storedAtMs).toBe(1_778_587_200_123);
  expect(delivery.pending).toBe(95);
});

test('one source may change the form of its subjects, as when a newer server takes over', () => {
  const source = sourceOf();
  for (const prefix of ['$JS.ACK.A.d', '$JS.ACK._.X.B.d', '$JS.ACK.A.d']) {
    const { stream, sequence } = new NatsDelivery(messageOf(`${prefix}.${NUMBERS}`), source);
    expect({ stream, sequence }).toEqual({ stream: prefix.at(-3), sequence: 70_001 });
  }
});

test('headers are read by name as sent; of one that is sent twice the last value counts', () => {
  expect(headersOf('NATS/1.0\r\nA: 1\r\na:2 \r\nA:  b: c\r\nempty:\r\nname: Zoë\r\n\r\n')).toEqual({
    A: 'b: c',
    a: '2',
    empty: '',
    name: 'Zoë',
  });
  expect(headersOf('NATS/1.0\r\n\r\n')).toEqual({});
});

test('all values of a header that is sent several times can be read', () => {
  const repeated = (block: string) =>
    new NatsDelivery(messageOf(`$JS.ACK.S.d.${NUMBERS}`, block), sourceOf()).repeatedHeaders();
  expect(repeated('NATS/1.0\r\nA: 1\r\nb: x\r\na: 2\r\nA: 1\r\nA: 3\r\nb:\r\n\r\n')).toEqual({
    A: ['1', '1', '3'],
    b: ['x', ''],
  });
  expect(repeated('NATS/1.0\r\nA: 1\r\na: 2\r\n\r\n')).toBeUndefined();
  expect(new NatsDelivery(messageOf(`$JS.ACK.S.d.${NUMBERS}`), sourceOf()).repeatedHeaders()).toBeUndefined();
});

test('a header may be called __proto__', () => {
  const headers = new NatsDelivery(
    messageOf(`$JS.ACK.S.d.${NUMBERS}`, 'NATS/1.0\r\n__proto__: x\r\n\r\n'),
    sourceOf(),
  ).headers();
  expect(Object.keys(headers)).toEqual(['__proto__']);
  expect(headers.constructor).toBeUndefined();
});

test('a message without headers has none', () => {
  expect(new NatsDelivery(messageOf(`$JS.ACK.S.d.${NUMBERS}`), sourceOf()).headers()).toEqual({});
});

test.each([
  'garbage\r\n\r\n',
  'NATS/1.0\r\nno colon\r\n\r\n',
  'NATS/1.0\r\n: value\r\n\r\n',
  'NATS/1.0\r\nA \0B: value\r\n\r\n',
  'NATS/1.0\r\nZoë: value\r\n\r\n',
  'NATS/1.0\r\nA: b',
  'NATS/1.0\r\nA: b\r\n',
  'NATS/1.0\r\nA: b\nC: d\r\n\r\n',
  'NATS/1.0\r\n\r\nA: b\r\n\r\n',
  'NATS/1.0\nA: b\n\n',
])('a header block that is none is refused: %j', (block) => {
  expect(() => headersOf(block)).toThrow(/^the header block is "/);
});

const TO = `$JS.ACK.S.d.${NUMBERS}`;
const turn = () => new Promise((resolve) => setImmediate(resolve));

test('what settles deliveries is sent together at the end of the turn, in its order; that one is worked on at once', async () => {
  const published: string[] = [];
  const source = sourceOf(published);
  const [a, b, c, d] = [1, 2, 3, 4].map(() => new NatsDelivery(messageOf(TO), source));
  a!.ack();
  await Promise.resolve();
  b!.nak(1_500);
  d!.working();
  c!.term('rejected');
  expect(published).toEqual([`${TO} +WPI`]);
  a!.working();
  await turn();
  expect(published.slice(1)).toEqual([`${TO} +ACK`, `${TO} -NAK {"delay":1500000000}`, `${TO} +TERM rejected`]);
  expect(() => a!.ack()).toThrow(/settled twice/);
});

test('waiting acknowledgements can be flushed, and are sent once', async () => {
  const published: string[] = [];
  const source = sourceOf(published);
  new NatsDelivery(messageOf(TO), source).ack();
  source.acks.flush();
  expect(published).toHaveLength(1);
  await turn();
  expect(published).toHaveLength(1);
});

test('no acknowledgement is sent once its stream is lost', async () => {
  const published: string[] = [];
  const source = sourceOf(published);
  new NatsDelivery(messageOf(TO), source).ack();
  source.lost = true;
  await turn();
  expect(published).toEqual([]);
});
