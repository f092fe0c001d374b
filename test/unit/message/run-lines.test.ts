import { LoggedLines } from '../../../host/message/run-lines';

test('a line is kept with plain fields, and an error in it with its type and message', () => {
  const logged = new LoggedLines();
  logged.add('warn', 'odd', { n: 1, err: new RangeError('too far') });
  logged.add('info', 'no fields', undefined);
  expect(logged.lines).toEqual([
    { level: 'warn', message: 'odd', fields: { n: 1, err: { type: 'RangeError', message: 'too far' } } },
    { level: 'info', message: 'no fields' },
  ]);
});

test('20 lines are kept and the others counted, and long texts and large fields are cut or left out', () => {
  const logged = new LoggedLines();
  for (let i = 0; i < 25; i++) logged.add('info', 'x'.repeat(600), { text: 'y'.repeat(2_000) });
  expect([logged.lines.length, logged.left]).toEqual([20, 5]);
  expect(logged.lines[0]).toEqual({ level: 'info', message: `${'x'.repeat(500)}… (600 characters)` });
});
