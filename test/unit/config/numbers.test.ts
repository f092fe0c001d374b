import { ConfigFolder } from './config-folder';

let folder: ConfigFolder;
beforeEach(() => (folder = new ConfigFolder()));
afterEach(() => folder.remove());

const settings = (value: string): string => `plugins:\n  set:\n    settings:\n      channel: ${value}\n`;

test.each([
  ['12', 12],
  ['+12', 12],
  ['007', 7],
  ['-1.50', -1.5],
  ['.5', 0.5],
  ['1e3', 1000],
  ['9007199254740992', 2 ** 53],
  ['0x1F', 31],
  ['0o17', 15],
  ['"1497549923779084388"', '1497549923779084388'],
  ["'1e400'", '1e400'],
])('the setting %s keeps its exact value', (written, value) => {
  folder.write('config/local.yaml', settings(written));
  expect(folder.load().config.plugins.sections['set']!.settings).toEqual({ channel: value });
});

test.each([
  '1497549923779084388',
  '9007199254740993',
  '-1e400',
  '0.12345678901234567891',
  '0x20000000000001',
  '.inf',
  '.nan',
])('the setting %s is refused at its line, and not shown, because it may be a secret', (written) => {
  folder.write('config/local.yaml', settings(written));
  expect(folder.report()).toBe(
    'config/local.yaml:4 JP_NUMBER_INEXACT\n' +
      '  "plugins.set.settings.channel" is a number that cannot be represented exactly\n' +
      '  → Write it as a string, in quotes.',
  );
});

test('a number is found in lists and behind aliases, each at its line', () => {
  folder.write(
    'config/local.yaml',
    settings('[a, { ids: [1, 9007199254740993] }, &x 9007199254740995]') + '      again: *x\n',
  );
  expect(folder.problems().map(({ code, line }) => `${code} ${line}`)).toEqual([
    'JP_NUMBER_INEXACT 4',
    'JP_NUMBER_INEXACT 4',
    'JP_NUMBER_INEXACT 5',
  ]);
});

test('the error for a key of the config itself advises a smaller number', () => {
  folder.write('config/local.yaml', 'delivery:\n  maxAckPending: 90071992547409931\n');
  expect(folder.report()).toBe(
    'config/local.yaml:2 JP_NUMBER_INEXACT\n' +
      '  "delivery.maxAckPending" is a number that cannot be represented exactly\n' +
      '  → Write a number of at most 15 digits.',
  );
});
