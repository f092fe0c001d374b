import { inspectorText, readInspectorAddress } from '../../../host/cli/inspector-address';

test.each([
  [true, '127.0.0.1:9229'],
  ['0', '127.0.0.1:0'],
  ['9230', '127.0.0.1:9230'],
  ['localhost:9230', 'localhost:9230'],
  ['[::1]:9230', '[::1]:9230'],
] as const)('--inspect %s means %s', (given, address) => {
  expect(inspectorText(readInspectorAddress(given))).toBe(address);
});

test.each(['', 'x', 'localhost', '127.0.0.1:', '70000', '0.0.0.0:9229', 'example.com:9229', '::1:9229', 'EVENTS:x'])(
  '--inspect=%s is refused',
  (given) => {
    expect(() => readInspectorAddress(given)).toThrow(expect.objectContaining({ code: 'JP_USAGE' }) as Error);
  },
);
