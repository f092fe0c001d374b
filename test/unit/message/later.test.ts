import { Later } from '../../../host/message/later';

test('calls its receiver with the value in the turn in which the value arrives', () => {
  const later = new Later<number>();
  const received: number[] = [];
  later.whenDone(
    (value) => received.push(value),
    () => undefined,
  );
  later.resolve(() => 7);
  expect(received).toEqual([7]);
});

test('calls its receiver with an error instead of the value', () => {
  const later = new Later<number>();
  const failed = jest.fn();
  later.whenDone(() => undefined, failed);
  later.resolve(() => {
    throw new Error('broken');
  });
  expect(failed).toHaveBeenCalledWith(new Error('broken'));
});

test('becomes a promise', async () => {
  const later = new Later<number>();
  const promise = later.promise();
  later.resolve(() => 7);
  expect(await promise).toBe(7);
});
