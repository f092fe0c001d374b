import { RecordingLog } from '../../../host/testing/recording-log';
import { step } from '../../../host/plugin/step';

function record() {
  return { closed: 0, close: jest.fn(async () => undefined) };
}

let log: RecordingLog;
beforeEach(() => (log = new RecordingLog([], { plugin: 'badge' })));

test('a step gets the record, and its result is the next record', async () => {
  const first = record();
  await expect(step(first, (given) => (given === first ? 'next' : 'another'), log)).resolves.toBe('next');
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
  await expect(step(first, fail, log)).rejects.toThrow('no');
  expect(first.close).toHaveBeenCalledTimes(1);
  expect(log.lines).toEqual([]);
});

test.each([
  [
    'throws',
    () => {
      throw new Error('not released');
    },
  ],
  ['rejects', () => Promise.reject(new Error('not released'))],
])('a close that %s is logged, and the error of the step is the one that the caller gets', async (_how, close) => {
  const failed = step({ close }, () => Promise.reject(new Error('no')), log);
  await expect(failed).rejects.toThrow('no');
  expect(log.lines).toEqual([
    {
      level: 'error',
      message: 'a plugin that failed to load could not be released',
      fields: { plugin: 'badge', err: new Error('not released') },
    },
  ]);
});
