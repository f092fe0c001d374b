import fc from 'fast-check';
import { layOut } from '../../../host/base/json-text';

test('lays out a JSON text as JSON.stringify does', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.constantFrom(0, 2), fc.constantFrom(0, 1, 4), (value, indent, given) => {
      // -0 is written as 0 by JSON.stringify.
      const text = JSON.stringify(value, null, given);
      expect(layOut(text, indent)).toBe(JSON.stringify(JSON.parse(text), null, indent));
    }),
    { numRuns: 500 },
  );
});

test('leaves numbers, strings and duplicate keys as they are written', () => {
  const text = '{"id":1497549923779084388,"e":1e400,"s":"\\u00fc { } \\" ,","id":1.0,"a":[ ],"o":{ }}';
  expect(layOut(` ${text}\r\n`)).toBe(text.replace('[ ]', '[]').replace('{ }}', '{}}'));
  expect(layOut('{"id":1497549923779084388,"a":[0.10]}', 2)).toBe(
    '{\n  "id": 1497549923779084388,\n  "a": [\n    0.10\n  ]\n}',
  );
});
