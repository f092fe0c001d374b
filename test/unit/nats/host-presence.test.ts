import { HostPresence } from '../../../host/nats/host-presence';
import { RecordingLog } from '../../../host/testing/recording-log';
import { VirtualTime } from '../../../host/testing/virtual-time';

/** Hosts of a deployment on one subject. */
class Subject {
  readonly time = new VirtualTime(0);
  readonly log = new RecordingLog();
  /** The error of each message that is sent. */
  failure: Error | undefined;
  private readonly receivers = new Set<(error: null, message: { string(): string }) => void>();

  join(name: string, handlers: Record<string, boolean>): { presence: HostPresence; changes: () => number } {
    let changes = 0;
    const nc = {
      isClosed: () => false,
      subscribe: (
        _subject: string,
        { callback }: { callback: (error: null, message: { string(): string }) => void },
      ) => {
        this.receivers.add(callback);
        return { unsubscribe: () => this.receivers.delete(callback) };
      },
      publish: (_subject: string, text: string) => {
        if (this.failure) throw this.failure;
        for (const receive of this.receivers) receive(null, { string: () => text });
      },
    };
    const presence = new HostPresence({ nc } as never, 'test', this.log, this.time, name);
    presence.join({
      get handlers() {
        const names = Object.keys(handlers);
        return { all: new Set(names), held: new Set(names.filter((name) => handlers[name])) };
      },
      changed: () => changes++,
    });
    return { presence, changes: () => changes };
  }

  pass(untilMs: number): void {
    while (this.time.step(untilMs, true));
  }
}

test('a host knows the handlers of the others, and is called when a host joins, leaves or has other handlers', () => {
  const subject = new Subject();
  const handlers: Record<string, boolean> = { count: true, take: false };
  const a = subject.join('a', { count: false });
  const b = subject.join('b', handlers);
  const seen = (): unknown => [...a.presence.others].map(([host, { all, held }]) => [host, [...all], [...held]]);
  expect([seen(), a.changes()]).toEqual([[['b', ['count', 'take'], ['count']]], 1]);
  handlers['take'] = true;
  subject.pass(1_000);
  expect([seen(), a.changes()]).toEqual([[['b', ['count', 'take'], ['count', 'take']]], 1]);
  handlers['later'] = false;
  subject.pass(2_000);
  expect([seen(), a.changes()]).toEqual([[['b', ['count', 'take', 'later'], ['count', 'take']]], 2]);
  b.presence.leave();
  expect([seen(), a.changes()]).toEqual([[], 3]);
  a.presence.stop();
});

test('a host that has said nothing for 3.5 s counts as gone', () => {
  const subject = new Subject();
  const a = subject.join('a', {});
  subject.join('b', {}).presence.stop();
  subject.pass(3_500);
  expect(a.presence.others.size).toBe(1);
  subject.pass(3_501 + 1_000);
  expect(a.presence.others.size).toBe(0);
  a.presence.stop();
});

test('a host whose message is too large says once that the others do not count it', () => {
  const subject = new Subject();
  subject.failure = new Error('MAX_PAYLOAD_EXCEEDED');
  const a = subject.join('a', { take: true });
  subject.pass(5_000);
  a.presence.leave();
  expect(subject.log.lines).toMatchObject([
    { level: 'warn', message: 'other hosts do not count this host when handlers are spread over hosts' },
  ]);
});
