import { step } from '../../../host/plugin/step';

function record() {
  return { closed: 0, close: jest.fn(async () => undefined) };
}

test('a step gets the record, and its result is the next record', async () => {
  const first = record();
  await expect(step(first, (given) => (given === first ? 'next' : 'another'))).resolves.toBe('next');
  expect(first.close).not.toHaveBeenCalled();
});

test.each([
  [
    'throws',
    () => {
      throw new Error('no');
    },
  ],
  ['rejects', () => Promise.reject(new Error('no'))],
])('a step that %s closes the record, then rejects', async (_how, fail: () => unknown) => {
  const first = record();
  await expect(step(first, fail)).rejects.toThrow('no');
  expect(first.close).toHaveBeenCalledTimes(1);
});
