import { TurnMessages } from '../../../host/isolation/turn-messages';

const turn = () => new Promise((resolve) => setImmediate(resolve));

test('the messages of a turn are sent together at its end, in their order', async () => {
  const written: (readonly string[])[] = [];
  const messages = new TurnMessages<string>((all) => written.push(all));
  messages.send('a');
  messages.send('b');
  expect(written).toEqual([]);
  await turn();
  messages.send('c');
  await turn();
  expect(written).toEqual([['a', 'b'], ['c']]);
});

test('an urgent message is sent at once, after those that wait', async () => {
  const written: (readonly string[])[] = [];
  const sent = jest.fn();
  const messages = new TurnMessages<string>((all, done) => {
    written.push(all);
    done?.();
  });
  messages.send('a');
  messages.sendNow('b', sent);
  await turn();
  expect([written, sent.mock.calls.length]).toEqual([[['a', 'b']], 1]);
});
