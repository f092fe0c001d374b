import { RunLogger } from '../../../host/message/run-logger';
import { RecordingLog } from '../../../host/testing/recording-log';

it('writes each line with the known fields, and passes it on as the plugin has logged it', () => {
  const log = new RecordingLog();
  const passedOn: unknown[] = [];
  new RunLogger(log, { handler: 'award' }, (...line) => passedOn.push(line)).info('awarded', { user: 'u1' });
  expect(log.lines).toMatchObject([{ level: 'info', message: 'awarded', fields: { handler: 'award', user: 'u1' } }]);
  expect(passedOn).toEqual([['info', 'awarded', { user: 'u1' }]]);
});

it('neither reads the fields of a line whose level is not written, nor passes the line on', () => {
  const log = Object.assign(new RecordingLog(), { isEnabled: (level: string) => level !== 'debug' });
  const passedOn: unknown[] = [];
  let reads = 0;
  const fields = {
    get user() {
      return reads++;
    },
  };
  const logger = new RunLogger(log, {}, (...line) => passedOn.push(line));
  logger.debug('counted', fields);
  expect([log.lines, passedOn, reads]).toEqual([[], [], 0]);
});
