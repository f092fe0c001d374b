import { HostLink } from '../../../host/isolation/host-link';

const sent: unknown[] = [];
const real = { send: process.send, connected: process.connected };

beforeEach(() => {
  sent.splice(0);
  process.connected = true;
  // As the channel of Node.js does, this one throws for a value that JSON cannot hold.
  process.send = ((messages: unknown) => sent.push(JSON.parse(JSON.stringify(messages))) > 0) as NonNullable<
    typeof process.send
  >;
});
afterEach(() => {
  if (real.send) process.send = real.send;
  else delete process.send;
  process.connected = real.connected;
});

const turn = () => new Promise((resolve) => setImmediate(resolve));

const hostile = (): never => {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy as never;
};

test('a request with a value that cannot be written fails alone, and the other messages of the turn are sent', async () => {
  const link = new HostLink();
  link.send({ is: 'pong', residentBytes: 1 });
  const bad = link.ask({ what: 'publish', subject: 'a.b', fields: '{}', options: { id: hostile() } }, { call: 1 });
  const good = link.ask({ what: 'get', key: 'k' }, { call: 1 });
  await expect(bad).rejects.toThrow('revoked');
  expect(sent.flat()).toEqual([
    { is: 'pong', residentBytes: 1 },
    { is: 'request', request: 2, call: 1, what: 'get', key: 'k' },
  ]);
  link.answered({ request: 2, value: 'v' });
  expect(await good).toBe('v');
});

test('any other message with such a value is sent as a plain copy, and the end of the write is reported', async () => {
  const link = new HostLink();
  const written = new Promise<void>((resolve) =>
    link.sendNow({ is: 'ended', call: 1, kind: hostile() } as never, resolve),
  );
  await written;
  expect(sent.flat()).toMatchObject([{ is: 'ended', call: 1 }]);
});

test('the messages of one turn are written together', async () => {
  const link = new HostLink();
  link.send({ is: 'pong', residentBytes: 1 });
  link.send({ is: 'pong', residentBytes: 2 });
  await turn();
  expect(sent).toEqual([
    [
      { is: 'pong', residentBytes: 1 },
      { is: 'pong', residentBytes: 2 },
    ],
  ]);
});
