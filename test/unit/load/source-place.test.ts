import { placeIn, placeOf } from '../../../host/load/source-place';

const FILE = '/plugins/badge.plugin.ts';
const SOURCE = `
import { Plugin } from 'jetplug/sdk';

/** Not class BadgePlugin: a word of it. */
class Badge {
  award() {}
}

@Plugin()
export class BadgePlugin {
  private award = 1;
  constructor() {
    this.award();
  }

  @Subscribe()
  async award(event: VideoWatchStarted) {}

  @Subscribe(VideoPublished, { retry: { attempts: 1 } }) protected async publish(event: VideoPublished) {}

  @Subscribe() all<T>(event: T) {}

  @Subscribe()
  $odd(event: X) {}
}
`;
const sources = new Map([
  ['/plugins/helper.ts', 'export class Helper {}\n\nexport class Other {}'],
  [FILE, SOURCE],
]);
const lineOf = (text: string) => SOURCE.split('\n').findIndex((line) => line.includes(text)) + 1;

test('the place of a class is its declaration, not a line that mentions it', () => {
  expect(placeOf(sources, 'BadgePlugin')).toEqual({ file: FILE, line: lineOf('export class BadgePlugin') });
  expect(placeOf(sources, 'Other')).toEqual({ file: '/plugins/helper.ts', line: 3 });
});

test.each([
  ['award', 'async award(event'],
  ['publish', 'protected async publish('],
  ['all', 'all<T>('],
  ['$odd', '$odd('],
])('the method %s is where it is declared, also on its decorator’s line', (method, text) => {
  expect(placeOf(sources, 'BadgePlugin', method)).toEqual({ file: FILE, line: lineOf(text) });
});

test('the place of a method that is not found is its class', () => {
  expect(placeOf(sources, 'BadgePlugin', 'gone')).toEqual(placeOf(sources, 'BadgePlugin'));
});

test('the place of a class that is not found is the head of the plugin’s own file', () => {
  expect(placeOf(sources, 'Gone')).toEqual({ file: '/plugins/helper.ts', line: 1 });
  expect(placeOf(new Map(), 'Gone')).toEqual({ file: '', line: 1 });
});

test('the place of an error is its first frame in the plugin’s own files', () => {
  const error = new Error('x');
  error.stack = `Error: x\n    at f (/node_modules/a.js:1:1)\n    at g (${FILE}:7:3)\n    at h (/plugins/helper.ts:1:1)`;
  expect(placeIn(sources, error)).toEqual({ file: FILE, line: 7 });
  for (const other of [new Error('y'), undefined, null, 'x', { stack: 5 }])
    expect(placeIn(sources, other)).toBeUndefined();
});
