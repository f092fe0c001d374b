import { JetplugError } from '../../../sdk/internal';
import type { Connection, ConnectionEvents } from '../../../host/nats/connection';
import { logConnection } from '../../../host/nats/log-connection';
import { RecordingLog } from '../../../host/testing/recording-log';

function bench(isStopping = false) {
  const log = new RecordingLog();
  let events: Partial<ConnectionEvents> = {};
  const connection = { watch: (watcher: Partial<ConnectionEvents>) => (events = watcher) } as unknown as Connection;
  logConnection(connection, log, () => isStopping);
  return { events, lines: () => log.lines.map(({ level, message }) => `${level}: ${message}`) };
}

test('a lost and restored connection is logged', () => {
  const { events, lines } = bench();
  events.disconnected?.('127.0.0.1:4222');
  events.reconnected?.('127.0.0.1:4222');
  expect(lines()).toEqual([
    'warn: connection to the NATS server lost; reconnecting',
    'info: reconnected to the NATS server',
  ]);
});

test.each([
  [new JetplugError('JP_BROKER_AUTH', 'x'), 'NATS server refused the login'],
  [new JetplugError('JP_BROKER_UNREACHABLE', 'x'), 'reconnecting'],
  [{ operation: 'publish', subject: 'orders.placed' }, 'NATS server reported an error'],
])('the refusal %p is logged as "%s"', (refusal, message) => {
  const { events, lines } = bench();
  events.refused?.(refusal);
  expect(lines()).toEqual([`error: ${message}`]);
});

test('a refusal of the same kind is logged once', () => {
  const { events, lines } = bench();
  for (let i = 0; i < 3; i++) events.refused?.({ operation: 'publish', subject: 'orders.placed' });
  expect(lines()).toHaveLength(1);
});

test.each([
  [false, ['error: connection to the NATS server closed']],
  [true, []],
])('a closed connection is logged unless the host is stopping (%p)', (isStopping, expected) => {
  const { events, lines } = bench(isStopping);
  events.closed?.(undefined);
  expect(lines()).toEqual(expected);
});
