import { isJetplugError, JetplugError } from '../../../sdk/errors';
import { topFrame } from '../../../sdk/location';

test('an error has the hint of the catalogue unless it has its own', () => {
  expect(new JetplugError('JP_PLUGIN_NO_HANDLER', 'x').hint).toBe('Add @Subscribe() to a method.');
  expect(new JetplugError('JP_PLUGIN_NO_HANDLER', 'x', { hint: 'mine' }).hint).toBe('mine');
});

test('details that are added later do not replace details that are already known', () => {
  const cause = new Error('why');
  const known = new JetplugError('JP_PLUGIN_NO_HANDLER', 'x', { file: '/a.ts', hint: 'mine', cause });
  const error = known.with({ file: '/b.ts', line: 3, plugin: 'badge', hint: 'other', cause: new Error('other') });
  expect(error).toMatchObject({ message: 'x', file: '/a.ts', line: 3, plugin: 'badge', hint: 'mine', cause });
});

test('the JSON of an error has its code, message, place and hint, as far as they are known', () => {
  expect(
    JSON.parse(JSON.stringify(new JetplugError('JP_RUN_OVER', 'x', { file: '/a.ts', line: 3, hint: 'h' }))),
  ).toEqual({
    code: 'JP_RUN_OVER',
    message: 'x',
    file: '/a.ts',
    line: 3,
    hint: 'h',
  });
});

test('an error without a cause has none', () => {
  expect('cause' in new JetplugError('JP_RUN_OVER', 'x')).toBe(false);
});

test('an error of another copy of the SDK is recognised by its mark', () => {
  const foreign = Object.assign(new Error('x'), { [Symbol.for('jetplug.error')]: true, code: 'JP_RUN_OVER' });
  expect([foreign, new Error('x'), null, undefined, 'x'].map(isJetplugError)).toEqual([
    true,
    false,
    false,
    false,
    false,
  ]);
});

test.each<[frame: string, file: string, line: number]>([
  ['at /plugins/a.ts:3:7', '/plugins/a.ts', 3],
  ['at f (/plugins/a.ts:3:7)', '/plugins/a.ts', 3],
  ['at async f (/plugins/a.ts:3:7)', '/plugins/a.ts', 3],
  ['at async /plugins/a.ts:3:7', '/plugins/a.ts', 3],
  ['at new Badge (/plugins/a.ts:3:7)', '/plugins/a.ts', 3],
  ['at Object.<anonymous> (/plugins/a.ts:3:7)', '/plugins/a.ts', 3],
  ['at Badge.f [as g] (/plugins/a.ts:3:7)', '/plugins/a.ts', 3],
  ['at f (file:///plugins/a.ts:3:7)', '/plugins/a.ts', 3],
  ['at f (/my plugins (copy)/a.ts:3:7)', '/my plugins (copy)/a.ts', 3],
  ['at f (C:\\plugins\\a.ts:3:7)', 'C:\\plugins\\a.ts', 3],
])('the frame %j is in %s, line %d', (frame, file, line) => {
  expect(topFrame(`Error: x\n    ${frame}`)).toEqual({ file, line });
});

test.each([
  'at node:internal/process/task_queues:95:5',
  'at Promise.all (index 0)',
  'at <anonymous>',
  'at eval (eval at f (/a.ts:1:1), <anonymous>:1:1)',
  'at native',
  'no frame /a.ts:1:1',
])('the frame %j is in no file', (frame) => {
  expect(topFrame(`Error: x\n    ${frame}`)).toBeUndefined();
});

test('the first frame in a file that is wanted is taken', () => {
  const stack =
    'Error: x\n    at f (/node_modules/zod.js:1:1)\n    at g (/plugins/a.ts:5:1)\n    at h (/plugins/b.ts:6:1)';
  expect(topFrame(stack, (file) => file.startsWith('/plugins/'))).toEqual({ file: '/plugins/a.ts', line: 5 });
  expect(topFrame(stack, () => false)).toBeUndefined();
  expect(topFrame(undefined)).toBeUndefined();
});
