import { firstLine, terminalText } from '../../../host/base/utf8';

test.each([
  ['one\ntwo', 'one'],
  ['one\r\nX-Injected: yes', 'one'],
  ['a\x1b[2Jb\0c\x9bd', 'a [2Jb c d'],
  ['plain é 😀', 'plain é 😀'],
  ['12345678901', '1234567890'],
  ['', ''],
])('a table shows %j as %j', (text, shown) => expect(firstLine(text, 10)).toBe(shown.slice(0, 10)));

test.each([
  ['one\r\n\ttwo\n', 'one\n\ttwo\n'],
  ['a\x1b[2Jb\0c\x9bd\re\x7f', 'a\ufffd[2Jb\ufffdc\ufffdd\ufffde\ufffd'],
  ['plain é 😀', 'plain é 😀'],
])('a terminal shows %j as %j', (text, shown) => expect(terminalText(text)).toBe(shown));
