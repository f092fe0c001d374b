import { nearestSubject } from '../../../host/ops/nearest-subject';

const KNOWN = ['video.watch_started', 'video.published', 'user.friend_added', 'order.>', 'a.b'];

test.each([
  ['a letter is missing', 'video.watch_startd', 'video.watch_started'],
  ['a letter is wrong', 'vidio.published', 'video.published'],
  ['words are written in camel case', 'video.watchStarted', 'video.watch_started'],
  ['the separator is wrong', 'video_published', 'video.published'],
  ['the first token is missing', 'watch_started', 'video.watch_started'],
  ['a token too much comes first', 'prod.user.friend_added', 'user.friend_added'],
])('where %s, the intended subject is found', (_, subject, meant) => {
  expect(nearestSubject(subject, KNOWN)).toBe(meant);
});

test.each([
  ['it is like no known one', 'payments.made'],
  ['it is known', 'video.published'],
  ['only a wildcard is near', 'order.x'],
  ['another verb stands at its end', 'video.removed'],
])('no subject is suggested where %s', (_, subject) => {
  expect(nearestSubject(subject, KNOWN)).toBeUndefined();
});

test('a tail of several known subjects suggests none of them', () => {
  expect(nearestSubject('created', ['user.account.created', 'video.channel.created'])).toBeUndefined();
});
