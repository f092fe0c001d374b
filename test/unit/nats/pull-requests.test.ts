import type { Msg, SubscriptionOptions } from 'nats';
import type { Connection } from '../../../host/nats/connection';
import { PullRequests } from '../../../host/nats/pull-requests';

class Inbox {
  closed = false;
  drained = false;
  constructor(
    readonly subject: string,
    readonly callback: NonNullable<SubscriptionOptions['callback']>,
  ) {}
  isClosed = (): boolean => this.closed;
  unsubscribe = (): void => void (this.closed = true);
  drain = async (): Promise<void> => {
    this.drained = true;
    this.closed = true;
  };
}

function bench() {
  const inboxes: Inbox[] = [];
  const published: { subject: string; reply: string | undefined }[] = [];
  const received: [data: unknown, isCurrent: boolean][] = [];
  const failures: string[] = [];
  let receive = (message: Msg, isCurrent: boolean): void => void received.push([message, isCurrent]);
  const connection = {
    connected: true,
    apiPrefix: '$JS.API',
    newInbox: () => `_INBOX.${inboxes.length}`,
    nc: {
      isClosed: () => false,
      subscribe: (subject: string, { callback }: SubscriptionOptions) => {
        const inbox = new Inbox(subject, callback!);
        inboxes.push(inbox);
        return inbox;
      },
      publish: (subject: string, _body: string, { reply }: { reply?: string }) => published.push({ subject, reply }),
    },
  };
  const requests = new PullRequests(connection as unknown as Connection, 'EVENTS', 'badge-award', {
    receive: (message, isCurrent) => receive(message, isCurrent),
    failed: (message) => failures.push(message),
  });
  return { requests, inboxes, published, received, failures, receiveBy: (next: typeof receive) => (receive = next) };
}
const MESSAGE = { data: 'x' } as unknown as Msg;

test('a request goes to the durable and is answered on the inbox', () => {
  const { requests, inboxes, published, received } = bench();
  requests.open();
  requests.send(5);
  expect(published).toEqual([{ subject: '$JS.API.CONSUMER.MSG.NEXT.EVENTS.badge-award', reply: '_INBOX.0' }]);
  inboxes[0]!.callback(null, MESSAGE);
  expect(received).toEqual([[MESSAGE, true]]);
});

test('messages to an inbox that was left still arrive, and are marked', () => {
  const { requests, inboxes, published, received } = bench();
  requests.open();
  requests.leave();
  requests.send(1);
  expect(inboxes.map(({ drained }) => drained)).toEqual([true, false]);
  expect(published).toMatchObject([{ reply: '_INBOX.1' }]);
  inboxes[0]!.callback(null, MESSAGE);
  expect(received).toEqual([[MESSAGE, false]]);
});

test('a subscription that the client has dropped is replaced at the next request', () => {
  const { requests, inboxes, published } = bench();
  requests.open();
  inboxes[0]!.closed = true;
  requests.send(1);
  expect(published).toMatchObject([{ reply: '_INBOX.1' }]);
});

test('an error of the subscription and a throw of the receiver are reported, and never reach the client', () => {
  const { requests, inboxes, failures, receiveBy } = bench();
  requests.open();
  inboxes[0]!.callback(new Error('not permitted') as never, MESSAGE);
  receiveBy(() => {
    throw new Error('broken');
  });
  inboxes[0]!.callback(null, MESSAGE);
  expect(failures).toEqual(['pull subscription failed', 'cannot take a delivery']);
});

test('closing drains the subscription', async () => {
  const { requests, inboxes } = bench();
  requests.open();
  expect(requests.isOpen).toBe(true);
  await requests.close();
  expect(requests.isOpen).toBe(false);
  expect(inboxes[0]!.drained).toBe(true);
});
