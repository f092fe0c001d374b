import { ChildContext, type ChildCall } from '../../../host/isolation/child-call';
import { RecordingLog } from '../../../host/testing/recording-log';

test('the JSON of a context in a plugin process has the event’s properties only', () => {
  const given = {
    subject: 'a.b',
    stream: 'EVENTS',
    sequence: 3,
    attempt: 2,
    headers: { a: '1' },
    cloudEvent: undefined,
  };
  const received = [{ ...given, deliveredAs: 3, storedAtMs: 0 }];
  const call = { handler: { name: 'handle', log: new RecordingLog() }, received } as unknown as ChildCall;
  const context = new ChildContext(call, 0);
  expect(JSON.parse(JSON.stringify(context))).toEqual({
    subject: 'a.b',
    stream: 'EVENTS',
    sequence: 3,
    time: '1970-01-01T00:00:00.000Z',
    attempt: 2,
    headers: { a: '1' },
  });
});
