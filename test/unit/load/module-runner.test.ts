import { newModule, runModule } from '../../../host/load/module-runner';

const helpers = { import: () => Promise.resolve(), type: () => Object };

function run(file: string, code: string, isShared: boolean, required?: unknown) {
  const module = newModule(file, () => required, helpers);
  return {
    holder: runModule(module, code, isShared),
    exports: module.exports as { a?: unknown; at?: unknown; list?: unknown; other?: unknown },
  };
}

test('a shared file is compiled once, and runs again for each plugin that imports it', () => {
  const code = 'exports.list = []; exports.other = require("./other"); exports.at = __filename;';
  const first = run('/p/shared.js', code, true, 1);
  const second = run('/p/shared.js', code, true, 2);
  expect(second.holder).toBe(first.holder);
  expect([first.exports.other, second.exports.other]).toEqual([1, 2]);
  expect(first.exports.list).not.toBe(second.exports.list);
  expect(second.exports.at).toBe('/p/shared.js');
});

test('a shared file whose code changed is compiled again', () => {
  const first = run('/p/changed.js', 'exports.a = 1;', true);
  const second = run('/p/changed.js', 'exports.a = 2;', true);
  expect(second.holder).not.toBe(first.holder);
  expect(second.exports.a).toBe(2);
});

test('a plugin’s own file holds its source map in its own module', () => {
  const own = () => run('/p/a.plugin.js', 'exports.a = 1;', false);
  expect(own().holder).not.toBe(own().holder);
});
