import { NatsRetryNotifier } from '../../../host/nats/retry-notifier';
import { VirtualTime } from '../../../host/testing/virtual-time';
import { RecordingLog } from '../../../host/testing/recording-log';

type Receive = (error: Error | null, message: { subject: string }) => void;

/** A notifier on a connection whose server does not answer the first requests for the events in the retry queues. */
function setUp(unanswered: number, queued: readonly string[]) {
  const time = new VirtualTime(0);
  const log = new RecordingLog();
  let receive!: Receive;
  let reconnected!: () => void;
  let requests = 0;
  const info = async (): Promise<object> => {
    if (++requests <= unanswered) throw new Error('no answer');
    return { state: { subjects: Object.fromEntries(queued.map((subject) => [subject, 1])) } };
  };
  const connection = {
    onReconnect: (listener: () => void) => {
      reconnected = listener;
      return () => undefined;
    },
    nc: {
      subscribe: (_subject: string, { callback }: { callback: Receive }) => {
        receive = callback;
        return { unsubscribe: () => undefined };
      },
    },
    jsm: { streams: { info } },
  };
  const notifier = new NatsRetryNotifier(connection as never, log, time);
  const notified: string[] = [];
  notifier.on('badge', 'award', () => notified.push(`${time.nowMs()} ms`));
  notifier.start();
  const pass = async (untilMs: number): Promise<void> => {
    do for (let i = 0; i < 10; i++) await Promise.resolve();
    while (time.step(untilMs, true));
  };
  return {
    notifier,
    log,
    notified,
    pass,
    receive: (...args: Parameters<Receive>) => receive(...args),
    reconnected: () => reconnected(),
    requests: () => requests,
  };
}

test('a handler is notified of an event that is put into its retry queue, and not of one of another handler', () => {
  const { receive, notified } = setUp(0, []);
  receive(null, { subject: 'retry.badge.award.EVENTS.7.0' });
  receive(null, { subject: 'retry.badge.revoke.EVENTS.7.0' });
  receive(new Error('no permission'), { subject: 'retry.>' });
  expect(notified).toEqual(['0 ms']);
});

test('after a reconnect the events that were queued meanwhile are looked up until the server answers, and the failure is logged once', async () => {
  const { reconnected, notified, pass, log, requests } = setUp(3, ['retry.badge.award.EVENTS.7.0']);
  reconnected();
  await pass(10_000);
  expect(notified).toEqual(['3000 ms']);
  expect(requests()).toBe(4);
  expect(log.lines.map(({ level, message }) => [level, message])).toEqual([
    ['warn', 'cannot list the retry queues, so events deferred during the outage wait; trying again'],
  ]);
});

test('only the look-up of the last reconnect continues, and none after a stop', async () => {
  const { reconnected, notified, pass, notifier, requests } = setUp(Infinity, []);
  reconnected();
  await pass(1_500);
  reconnected();
  await pass(5_000);
  expect(requests()).toBe(6);
  notifier.stop();
  await pass(10_000);
  expect([requests(), notified]).toEqual([6, []]);
});
