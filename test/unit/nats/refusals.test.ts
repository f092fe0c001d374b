import { JetplugError } from '../../../sdk/internal';
import { Refusals } from '../../../host/nats/refusals';

const publish = (subject: string): object => ({ operation: 'publish', subject });

test.each([
  ['$JS.ACK.EVENTS.badge-award.1.7.7.1778587200000000000.0', '$JS.ACK.EVENTS.badge-award.>'],
  ['$JS.ACK._.ABCD.EVENTS.badge-award.1.7.7.1778587200000000000.0', '$JS.ACK._.ABCD.EVENTS.badge-award.>'],
  ['$JS.API.DIRECT.GET.KV_jetplug.$KV.jetplug.settled.badge-award', '$JS.API.DIRECT.GET.KV_jetplug.>'],
  ['$JS.API.CONSUMER.MSG.NEXT.EVENTS.badge-award', '$JS.API.CONSUMER.MSG.NEXT.EVENTS.badge-award'],
  ['$KV.jetplug-badge.u1.x', '$KV.jetplug-badge.>'],
  ['dead.badge.award.EVENTS.7', 'dead.>'],
  ['video.watch_started', 'video.watch_started'],
])('of what may not be published on %s it is said to grant %s', (subject, grant) => {
  expect(new Refusals().note(publish(subject))).toMatchObject({
    code: 'JP_BROKER_PERMISSION',
    message: `not permitted to publish on ${grant}`,
  });
});

test('a kind of subject is reported once, and again after ten minutes with the number of refusals meanwhile', () => {
  let nowMs = 0;
  const refusals = new Refusals(() => nowMs);
  expect(refusals.note(publish('dead.a.b.S.1'))).toBeDefined();
  for (let i = 0; i < 1_000; i++) expect(refusals.note(publish(`dead.a.b.S.${i}`))).toBeUndefined();
  expect(refusals.note({ operation: 'subscription', subject: '_INBOX.x.1' })).toMatchObject({
    message: 'not permitted to subscribe to _INBOX.>',
  });
  nowMs = 600_000;
  expect(refusals.note(publish('dead.a.b.S.2'))).toMatchObject({
    message: 'not permitted to publish on dead.>; 1000 more times since the last report',
  });
});

test('what is no matter of permissions is told in the server’s words', () => {
  expect(new Refusals().note('STALE_CONNECTION')).toMatchObject({
    code: 'JP_BROKER_OPERATION_FAILED',
    message: 'the NATS server refused: STALE_CONNECTION',
  });
});

test.each(['subscriptions', 'connections'])('a limit on %s is told as a limit, with what raises it', (what) => {
  expect(new Refusals().note(`maximum account active ${what} exceeded`)).toMatchObject({
    code: 'JP_ACCOUNT_LIMIT',
    hint: expect.stringContaining(`max_${what}`),
  });
});

test.each([
  ['$JS.hub.API.DIRECT.GET.KV_jetplug.$KV.jetplug.settled.badge-award', '$JS.hub.API.DIRECT.GET.KV_jetplug.>'],
  ['$JS.hub.API.$KV.jetplug-badge.u1', '$JS.hub.API.$KV.jetplug-badge.>'],
  ['$JS.ACK.hub.ABCD.EVENTS.badge-award.1.7.7.1778587200000000000.0', '$JS.ACK.hub.ABCD.EVENTS.badge-award.>'],
])('in a domain, of what may not be published on %s it is said to grant %s', (subject, grant) => {
  expect(new Refusals().note(publish(subject))?.message).toBe(`not permitted to publish on ${grant}`);
});

test('an inbox that may not be subscribed to names nats.inboxPrefix', () => {
  const refusal = new Refusals().note({ operation: 'subscription', subject: '_INBOX.x.1' });
  expect(refusal?.hint).toContain('nats.inboxPrefix');
});

test('a refused login, which the connection reports once, is handed on each time', () => {
  const refusals = new Refusals();
  const error = new JetplugError('JP_BROKER_AUTH', 'the NATS server refused the login (user u)');
  expect([refusals.note(error), refusals.note(error)]).toEqual([error, error]);
});
