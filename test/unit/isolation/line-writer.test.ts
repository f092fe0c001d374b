import { LineWriter } from '../../../host/isolation/line-writer';

function linesOf(chunks: readonly Buffer[]): string[] {
  const said: string[] = [];
  const lines = new LineWriter((line) => said.push(line));
  for (const chunk of chunks) lines.write(chunk);
  lines.end();
  return said;
}

test('lines are passed on whole, however the chunks cut them, without empty lines', () => {
  const text = Buffer.from('größer\n\nzwei\r\ndrei');
  for (let at = 0; at < text.length; at++) {
    expect(linesOf([text.subarray(0, at), text.subarray(at)])).toEqual(['größer', 'zwei', 'drei']);
  }
});

test('a line without an end is split, and does not fill the memory', () => {
  const said = linesOf(Array.from({ length: 100 }, () => Buffer.from('x'.repeat(1_000))));
  expect(said.length).toBeGreaterThan(5);
  expect(Math.max(...said.map(({ length }) => length))).toBeLessThanOrEqual(8_192);
  expect(new Set(said.join(''))).toEqual(new Set('x'));
});
